export { FileLock, type LockOwner } from './file-lock.js';
