export { DirectorySource } from './directory-source.js';
