/** Preloaded into a command: standard error is a terminal, and the two seconds without progress are over at once. */
Object.defineProperty(process.stderr, 'isTTY', { value: true })
const now = performance.now.bind(performance)
performance.now = () => now() * 1_000
