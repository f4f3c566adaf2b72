/** The agent's version. It ships as one file, so it cannot look into package.json; a test holds the two together. */
export const AGENT_VERSION = '0.1.0'
