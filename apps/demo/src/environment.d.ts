/** Makes a file input choose a folder. */
export type FolderAttribute = '' | undefined;

declare module 'react' {
  // Every browser has it, React's types do not.
  interface InputHTMLAttributes<T> {
    webkitdirectory?: FolderAttribute;
  }
}
