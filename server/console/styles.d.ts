/** A sheet beside its part: imported for its effect, bundled by `build.ts`. */
declare module '*.css' {}
