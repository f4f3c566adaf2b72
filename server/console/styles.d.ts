/** A style sheet beside its component: imported for its effect, bundled by `build.ts`. */
declare module '*.css' {}
