/** The version of this package, by which threads know that they have loaded the same code. Any thread; a test compares it with package.json. */
export const VERSION = '0.1.0'
