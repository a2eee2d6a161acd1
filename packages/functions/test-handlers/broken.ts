// A function for tests that cannot be loaded.
throw new Error('no such luck');
