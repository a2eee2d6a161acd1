// Public surface of the console: the page itself is what `buildPage` leaves in its folder.
export { buildPage, type BuildPageOptions } from './build.ts';
