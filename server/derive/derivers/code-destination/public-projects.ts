/**
 * Namespaces of public code hosts in which well-known open-source projects are developed: whoever may push there is one
 * of their maintainers.
 *
 * Shape   'host/namespace', in lower case.
 * Source  the projects' own pages, read in November 2026.
 */
const GITHUB = `
  angular ansible apache apple archlinux argoproj astral-sh aws babel bazelbuild bitcoin boostorg brave chromium
  clickhouse cncf containerd curl dart-lang deepmind denoland django docker dotnet eclipse electron elastic emacs-mirror
  eslint ethereum etcd-io expressjs facebook fastapi ffmpeg flutter gcc-mirror git gnome godotengine golang google
  googleapis gradle grafana graphql hashicorp haskell helm homebrew huggingface istio jenkinsci jetbrains jquery
  jupyter keras-team kotlin kubernetes kubernetes-sigs laravel libuv linuxmint llvm mesonbuild microsoft moby mongodb
  mozilla mui neovim nestjs netty nginx nixos nodejs nuxt numpy nvidia opencv openjdk openssh openssl openstack
  opentelemetry oven-sh pallets pandas-dev php postgres prettier prisma prometheus puppeteer pypa pypi-data python
  pytorch qemu rails react-native-community redis remix-run rollup ruby rust-lang scala scikit-learn scipy sindresorhus
  spring-projects sqlalchemy square storybookjs sveltejs swiftlang symfony systemd tailwindlabs tensorflow tokio-rs
  torvalds twbs typescript-eslint ubuntu v8 vercel videolan vim vitejs vuejs webpack wordpress yarnpkg zephyrproject-rtos
  ziglang`

const HOSTS: ReadonlySet<string> = new Set(
  `git.kernel.org gitlab.gnome.org gitlab.freedesktop.org invent.kde.org salsa.debian.org gitlab.kitware.com
   gitlab.torproject.org review.opendev.org gcc.gnu.org sourceware.org git.savannah.gnu.org gerrit.googlesource.com
   chromium.googlesource.com android.googlesource.com go.googlesource.com git.launchpad.net pagure.io`.split(/\s+/),
)

const NAMESPACES: ReadonlySet<string> = new Set(
  GITHUB.trim()
    .split(/\s+/)
    .map((it) => `github.com/${it}`),
)

export function isPublicProject(host: string, namespace: string | null): boolean {
  return HOSTS.has(host) || (namespace !== null && NAMESPACES.has(`${host}/${namespace}`))
}

/** Hosts on which anybody can have a namespace: that colleagues use the host says nothing about a namespace there. */
export const OPEN_HOSTS: ReadonlySet<string> = new Set(
  `github.com gitlab.com bitbucket.org codeberg.org sr.ht git.sr.ht gitee.com sourceforge.net git.code.sf.net notabug.org
   dev.azure.com ssh.dev.azure.com gitea.com huggingface.co gist.github.com framagit.org disroot.org`.split(/\s+/),
)
