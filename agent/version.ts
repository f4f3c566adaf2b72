/** The agent's version. The bundle has no package.json to read it from; a test compares the two. */
export const AGENT_VERSION = '0.1.0'
