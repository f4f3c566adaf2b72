/**
 * Where programs take a secret on their command line: one line a program, taken from its manual.
 *
 * Shape   `programs: sub-command` → what is secret there, in these signs:
 *           -p      an option of one letter: `-p pw`, `-ppw`, and at the end of joined letters
 *           -p+     joined only: `-ppw`; alone it asks
 *           -p.     the next word only
 *           --user  a long option, `-user` and `/user` too: `--user pw`, `--user=pw`, `/user:pw`, and shortened (`--us`)
 *           !proxy  a long option that looks like a shortened one and is not
 *           /p:     what is joined to it: `/p:pw`, `-p:pw`
 *           =psk    a plain word: the next word is the secret; `=*` any name of a secret
 *           >2      every plain word from the second on (behind the sub-command)
 *           /       words that begin with a slash are options, not plain words
 *           ~abc    letters that are options without a value, so that `-abcp pw` is read as `-p pw`
 *           u/p     a plain word of the form `user/password@database`
 *           host/   plain words are addresses, with or without a scheme
 *           hex     hexadecimal words are names of things, not secrets
 *           first   its options end at its first plain word: another program follows
 * Blind   user and password in one value (`-u ann:pw`) are masked together: some take a token as the user.
 */
export interface Tool {
  /** Words that must have come before, in this order. */
  readonly verbs: readonly string[]
  readonly short: string
  readonly joined: string
  readonly next: string
  readonly flags: string
  readonly long: readonly string[]
  readonly harmless: readonly string[]
  readonly prefixes: readonly string[]
  readonly pairs: readonly string[]
  /** Plain words from this one on are secret; 0: none. */
  readonly from: number
  readonly hasSlashPair: boolean
  readonly hasSlashOptions: boolean
  readonly hasHosts: boolean
  readonly hexIsName: boolean
  readonly endsAtFirst: boolean
}

const CURL_FLAGS = '~#0123468afgGiIjJkLlMnNOpqRsSvVZB'
const SMB = '-U --user --password --pw-nt-hash ~NkPEgV'
const LDAP = '-w -W. --bindpw ~xZLvncCMPIQ'
const MYSQL = '-p+ --password ~ABCEfGHLNnqrsStTvVXw'
const ZIP_FLAGS = '~rejqmuvofdgklTXy0123456789laDL'

const TABLE: readonly [programs: string, rules: string][] = [
  // Databases
  ['mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlslap mysqlbinlog mysqlpump mysqlsh', MYSQL],
  ['mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check mariadb-show mariadb-binlog', MYSQL],
  ['mariadb-backup mariabackup xtrabackup innobackupex mytop mydumper myloader pt-table-sync', '-p --password'],
  ['mysqladmin: password', '>1'],
  ['mycli pgcli litecli mssql-cli athenacli', '-p -P. --password'],
  ['mongosh mongo mongodump mongorestore mongoexport mongoimport mongostat mongotop mongofiles', '-p --password'],
  ['redis-cli valkey-cli keydb-cli redis-benchmark', '-a --pass =requirepass =masterauth'],
  ['redis-cli valkey-cli keydb-cli: auth', '>1'],
  ['redis-cli valkey-cli: acl setuser', '>2'],
  ['sqlcmd osql bcp tsql freebcp defncopy bsqldb isql iisql', '-P ~IEebkLNrRsX'],
  ['sqlplus sqlldr exp imp expdp impdp rman tkprof', 'u/p'],
  ['cqlsh clickhouse-client clickhouse usql', '-p --password'],
  ['beeline impala-shell', '-p. --password'],
  ['influx: config', '-t --token'],
  ['influx influxd', '-password --password -t. --token'],
  ['etcdctl', '--user --password'],
  ['rabbitmqadmin', '-p --password'],
  ['rabbitmqctl: add_user', '>2'],
  ['rabbitmqctl: change_password', '>2'],
  ['rabbitmqctl: authenticate_user', '>2'],
  ['elasticsearch-users', '-p. --password'],
  ['zkcli: addauth', '>2'],
  ['db2 clpplus', '=using u/p'],
  // Fetching and sending
  [
    'curl curlie',
    `-u -U -b -E --user --proxy-user --cookie --cert --proxy-cert --oauth2-bearer --pass --proxy-pass --tlspassword --proxy-tlspassword --aws-sigv4 !proxy !proto !cert-type ${CURL_FLAGS} host/`,
  ],
  ['wget wget2', '--http-password --ftp-password --proxy-password --password --user !ask-password !use-askpass host/'],
  ['http https xh xhs httpie', '-a --auth host/ ~bhvdFIpS'],
  ['hey wrk siege bombardier aria2c axel', '-a --http-passwd --ftp-passwd --rpc-secret --http-user host/'],
  ['ab', '-A -P -C host/ ~vkrhVIlSdiwqgs'],
  ['lftp', '-u --user'],
  ['curlftpfs', '--user =user'],
  ['mc: alias set', '>4'],
  ['mc: config host add', '>4'],
  ['b2: authorize-account', '>2'],
  ['b2: authorize_account', '>2'],
  ['b2: account authorize', '>2'],
  ['mosquitto_pub mosquitto_sub mosquitto_rr', '-P --pw'],
  ['mosquitto_passwd', '>3'],
  ['swaks', '-ap -ap. --auth-password'],
  ['sendemail smtp-cli', '-xp -xp. --pass'],
  ['imapsync', '--password1 --password2'],
  ['transmission-remote', '-n --auth'],
  ['ncat', '--proxy-auth'],
  ['mpc', '--host -h'],
  ['mega-login', '>2'],
  ['deluge-console: connect', '>3'],
  ['jmeter', '-a'],
  ['dig nsupdate delv knsupdate kdig', '-y'],
  ['ncftp ncftpget ncftpput ncftpls', '-p ~abRVvzZ'],
  ['lynx w3m links elinks', '-auth -pauth host/'],
  ['yt-dlp youtube-dl gallery-dl', '-p -2 --password --video-password --twofactor --ap-password'],
  ['smbclient smbget smbcacls smbtree rpcclient smbcquotas smbspool nmblookup', SMB],
  ['smbmap', '-p -u. --password'],
  ['winexe pth-winexe pth-smbclient', '-U --user'],
  ['net: ads', '-U --user'],
  ['net: rpc', '-U --user'],
  ['net: rpc password', '>2'],
  ['samba-tool: user create', '>2'],
  ['samba-tool', '--newpassword --adminpass --password =setpassword'],
  ['wbinfo', '-a -K --authenticate --krb5auth --set-auth-user'],
  ['rclone: obscure', '>1'],
  ['rclone: reveal', '>1'],
  ['rclone', '=* =pass =password --password-command !pass'],
  ['svn svnsync svnrdump hg cvs', '--password'],
  ['git jj', 'hex'],
  // Directories
  ['ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldapcompare ldapmodrdn ldapexop ldapurl', LDAP],
  ['ldapvi shelldap', '-w --password'],
  ['kadmin kadmin.local', '-w -pw'],
  ['ldappasswd', `-s -a ${LDAP}`],
  // Networks and audits
  ['ipmitool ipmiutil', '-P -k -y =password ~vVhcgN'],
  ['ipmitool: user set password', '>2'],
  ['ipmi-chassis ipmipower ipmi-sel ipmi-sensors ipmiconsole', '-p -k --password --k-g'],
  [
    'snmpwalk snmpget snmpset snmpgetnext snmpbulkwalk snmpbulkget snmptable snmptrap snmpinform snmpdf snmpstatus',
    '-c -A -X -3M. -3m. -3K. -3k.',
  ],
  ['snmpusm snmpdelta snmptranslate', '-c -A -X'],
  ['radtest', '>2'],
  ['radclient radeapclient', '>3'],
  ['nxc netexec crackmapexec cme', '-p -H --password --hash'],
  ['evil-winrm', '-p -H --password --hash'],
  ['bloodhound-python enum4linux enum4linux-ng ldapdomaindump windapsearch rpcdump kerbrute', '-p --password --hashes'],
  ['hydra medusa ncrack patator', '-p -P. -w.'],
  ['sqlmap', '--auth-cred --cookie'],
  ['openfortivpn', '-p --password --otp -o.'],
  ['pppd', '=password'],
  ['veracrypt truecrypt zulucrypt-cli', '-p --password --new-password'],
  // Archives and documents
  ['7z 7za 7zr 7zz 7zzs p7zip', '-p+'],
  ['rar winrar', '-p+ -hp+'],
  ['unrar rar2fs', '-p+'],
  ['unar lsar', '-p --password'],
  ['zip zipcloak zipnote', `-P --password ${ZIP_FLAGS}`],
  ['unzip zipinfo funzip 7zfm', `-P ${ZIP_FLAGS}`],
  ['arj', '-g+'],
  ['qpdf', '--password --encrypt =--encrypt'],
  ['pdftk', '=user_pw =owner_pw =input_pw'],
  ['pdftotext pdfinfo pdftops pdftoppm pdfimages pdftocairo', '-upw -opw'],
  // Remote access
  ['sshpass', '-p ~vV first'],
  ['ssh-keygen', '-N -P ~qvlyeBF'],
  ['xfreerdp xfreerdp3 wlfreerdp wlfreerdp3 wfreerdp sdl-freerdp sdl-freerdp3', '/p: /pth: /gp: /pass: -p. --gateway'],
  ['rdesktop', '-p ~4560abfzDCEKNOPtvX'],
  ['x11vnc x0vncserver wayvnc', '-passwd -viewpasswd -storepasswd'],
  ['plink pscp psftp putty kitty winscp', '-pw -pwfile /password'],
  ['teamviewer', '=passwd --passwd'],
  ['teamviewer: assign', '--token --api-token'],
  ['anydesk rustdesk', '--password --config =--password'],
  ['anydesk', '--register-license'],
  ['grdctl: set-credentials', '>2'],
  ['grdctl: set-password', '>1'],
  ['kickstart', '-vncpw'],
  ['tailscale headscale', '--auth-key --authkey --preauthkey'],
  ['chisel', '--auth --authfile'],
  ['frpc frps', '-t --token'],
  ['ss-local ss-server ss-redir ss-tunnel sslocal ssserver', '-k --password ~uvU6'],
  ['microsocks', '-P ~1q'],
  ['mullvad: account login', '>1'],
  ['mullvad: account set', '>1'],
  ['ngrok: authtoken', '>1'],
  ['ngrok: config add-authtoken', '>1'],
  ['ngrok: config add-api-key', '>1'],
  ['ngrok', '--authtoken --basic-auth --oauth-client-secret'],
  ['cloudflared: service install', '>1'],
  ['netbird', '-k --setup-key'],
  ['tellwire: agent enroll', '>1'],
  // Wireless
  ['wpa_passphrase', '>2'],
  ['wpa_cli wpa_supplicant', '=* =psk =passphrase'],
  ['nmcli iwctl connmanctl netsh', '=* =psk =key =password'],
  ['iwconfig iw', '=key =keys'],
  ['networksetup: setairportnetwork', '>3'],
  // Clouds, containers, clusters
  ['docker podman buildah skopeo nerdctl crane oras regctl ctr: login', '-p --password --creds'],
  ['docker podman nerdctl ctr crictl containerd-shim-runc-v2 containerd-shim runc crun conmon docker-proxy', 'hex'],
  ['helm: login', '-p --password'],
  ['helm', '--password'],
  ['az: login', '-p --password --client-secret'],
  ['az', '--account-key --sas-token --admin-password --connection-string'],
  ['aws', '=* --master-user-password --secret-string --secret-binary'],
  ['gcloud', '=*'],
  ['kubectl: create secret', '--from-literal --docker-password'],
  ['kubectl k9s', '--token --password --as-token'],
  ['oc: login', '-p -t --token --password'],
  ['doctl: auth', '-t --access-token'],
  ['doctl', '-t. --access-token'],
  ['ibmcloud bluemix bx cf: login', '-p --apikey'],
  ['cf: auth', '>2'],
  ['rancher argocd: login', '-t --token --password'],
  ['vercel netlify', '-t. -a. --token --auth'],
  ['vault: login', '>1'],
  ['vault: operator unseal', '>1'],
  ['vault: unwrap', '>1'],
  ['vault: token', '=lookup =revoke =renew'],
  ['vault: write', '>2'],
  ['vault: kv', '>3'],
  ['dotnet: user-secrets set', '>2'],
  ['chamber: write', '>3'],
  ['sops', '--set'],
  ['travis: encrypt', '>1'],
  ['pulumi: config set', '>2'],
  ['pulumi: login', '>2'],
  ['fly flyctl firebase wrangler supabase gh glab: secrets', '>2 --body'],
  ['gh glab: secret', '>3 -b --body'],
  ['gh: auth login', '>1 --with-token'],
  ['glab: auth login', '-t --token'],
  ['knife', '-P -x. --ssh-password --connection-password'],
  // Packages
  ['npm yarn pnpm bun', '=*'],
  ['twine: upload', '-p --password'],
  ['poetry: config', '=* >3'],
  ['poetry: publish', '-p --password'],
  ['cargo: login', '>1'],
  ['gem: push', '-k. --otp'],
  ['nuget: setapikey', '>1'],
  ['nuget dotnet: push', '-k. --api-key -apikey'],
  ['choco', '-p. -k. --password --api-key --proxy-password'],
  ['snyk: auth', '>1'],
  ['mvn', '=--encrypt-password =--encrypt-master-password -emp -ep'],
  // Passwords of systems and vaults
  ['htpasswd htdigest htdbm', '>2'],
  ['openssl', '-k. -K. -pass -passin -passout'],
  ['openssl: passwd', '>1'],
  ['gpg gpg2', '--passphrase'],
  ['ansible-vault: encrypt_string', '>1'],
  ['osslsigncode', '-pass'],
  ['usermod useradd adduser groupadd', '-p --password'],
  ['mkpasswd grub-mkpasswd-pbkdf2', '>1'],
  ['bw: unlock', '>1'],
  ['bw: login', '>2'],
  ['op: signin', '>1'],
  ['pass gopass: insert', '>1'],
  ['secret-tool: store', '>1'],
  ['keyctl', '=add =padd =update >3'],
  ['lpass', '>3'],
  [
    'keytool jarsigner apksigner',
    '-storepass -keypass -srcstorepass -deststorepass -srckeypass -destkeypass -new --ks-pass --key-pass',
  ],
  ['ykman', '-p -P -n. --pin --puk --new-pin --password'],
  ['cast', '--mnemonic --private-key --password'],
  ['bitcoin-cli: walletpassphrase', '>1'],
  ['bitcoin-cli: importprivkey', '>1'],
  ['expect autoexpect', '=send =exp_send'],
  ['xdotool ydotool: type', '>1'],
  ['wtype', '>1'],
  ['p4 p4v', '-P -P.'],
  ['steamcmd: +login', '>2'],
  ['salt salt-call: shadow.set_password', '>2'],
  ['drush: user:password', '>2'],
  ['drush: upwd', '>2'],
  ['icinga2', '--salt --ticket'],
  ['oathtool', '>1'],
  ['vmrun', '-gp -vp -p.'],
  ['vboxmanage', '--password --passwordfile'],
  // macOS
  ['security: add-generic-password', '-w ~AUT'],
  ['security: add-internet-password', '-w ~AUT'],
  ['security: unlock-keychain', '-p'],
  ['security: create-keychain', '-p'],
  ['security: set-keychain-password', '-o -p'],
  ['security: import', '-P ~Axk'],
  ['security: set-key-partition-list', '-k. ~s'],
  ['dscl: passwd', '>2'],
  ['sysadminctl', '-password -adminpassword -newpassword -oldpassword'],
  ['altool notarytool', '-p --password'],
  ['hdiutil diskutil', '--passphrase -passphrase'],
  // Windows
  ['net net1: use', '>1 /'],
  ['net net1: user', '>2 /'],
  ['cmdkey', '/pass /p:'],
  ['psexec psexec64 paexec pslist psservice psloggedon pskill psinfo psloglist', '-p.'],
  ['schtasks', '/rp /p'],
  ['wmic', '/password'],
  ['bitsadmin: setcredentials', '>4 /'],
  ['certutil', '-p'],
  ['signtool', '/p'],
  [
    'tasklist taskkill systeminfo driverquery getmac gpresult openfiles eventcreate wevtutil wecutil shutdown',
    '/p /p:',
  ],
  ['winrs', '-p: -p. -password'],
  ['rasdial', '>3 /'],
  ['netdom', '/pd /po /pm /passwordd /passwordo'],
  ['dsadd dsmod dsquery dsget', '-pwd -p'],
  ['logman', '-u'],
  ['dtexec dtutil', '/de /decrypt /sourcepassword /destpassword'],
  ['wbadmin', '-password'],
  ['manage-bde', '-password -recoverypassword -rp. -pw.'],
  ['slmgr', '/ipk'],
  ['convertto-securestring', '>1 -string'],
  ['networkcredential pscredential', '>1'],
]

/** Program (lower case, without folder and `.exe`) → its lines. */
export const TOOLS: ReadonlyMap<string, readonly Tool[]> = read(TABLE)

function read(table: typeof TABLE): Map<string, Tool[]> {
  const tools = new Map<string, Tool[]>()
  for (const [programs, rules] of table) {
    const [names = '', verbs = ''] = programs.split(': ')
    const tool = parse(verbs === '' ? [] : verbs.split(' '), rules.split(' '))
    for (const name of names.split(' ')) tools.set(name, [...(tools.get(name) ?? []), tool])
  }
  return tools
}

function parse(verbs: string[], rules: readonly string[]): Tool {
  const bare = (pattern: RegExp) => rules.flatMap((rule) => pattern.exec(rule)?.[1]?.toLowerCase() ?? [])
  const letters = (pattern: RegExp) => rules.map((rule) => pattern.exec(rule)?.[1] ?? '').join('')
  return {
    verbs,
    short: letters(/^-(\w)$/),
    joined: letters(/^-(\w)\+$/),
    next: letters(/^-(\w)\.$/),
    flags: letters(/^~(.+)$/),
    long: bare(/^(?:--|-|\/)([\w-]{2,}|(?<=\/)\w)\.?$/),
    harmless: bare(/^!(.+)$/),
    prefixes: bare(/^[-/](\w+:|\w{2,}\+)$/).map((it) => it.replace('+', '')),
    pairs: bare(/^=(.+)$/),
    from: Number(letters(/^>(\d)$/)),
    hasSlashOptions: rules.includes('/'),
    hasSlashPair: rules.includes('u/p'),
    hasHosts: rules.includes('host/'),
    hexIsName: rules.includes('hex'),
    endsAtFirst: rules.includes('first'),
  }
}

/** Where in `word` the secret begins; 0: nowhere; -1: it is the next word. `word` has no quotes. */
export function optionOf(tool: Tool, word: string): number {
  if (!/^[-/\u2013\u2014]/.test(word)) return 0
  for (const prefix of tool.prefixes)
    if (word.length > prefix.length + 1 && word.slice(1, prefix.length + 1).toLowerCase() === prefix)
      return prefix.length + 1
  const isLetters = word[1] !== '-' && word[0] !== '/'
  // `/P` is how Windows' own programs spell `-P`.
  if (word.length === 2 && (tool.next + (isLetters ? '' : tool.short)).includes(word[1]!)) return -1
  if (isLetters && word.length > 1) {
    let at = 1
    while (at < word.length && tool.flags.includes(word[at]!)) at++
    const letter = word[at] ?? ' '
    if (tool.short.includes(letter)) return at + 1 === word.length ? -1 : at + 1
    if (tool.joined.includes(letter) && at + 1 < word.length) return at + 1
  }
  if (tool.long.length === 0) return 0
  const sign = word.search(/[=:]/)
  const name = (sign === -1 ? word : word.slice(0, sign)).replace(/^(?:--|[-/\u2013\u2014])/, '').toLowerCase()
  if (name === '' || tool.harmless.includes(name)) return 0
  if (!tool.long.some((it) => it === name || (name.length >= 3 && it.startsWith(name)))) return 0
  return sign === -1 ? -1 : sign + 1 < word.length ? sign + 1 : -1
}

/** The program that a word names, as the table spells it: `"C:\\Tools\\SQLCMD.EXE"` is sqlcmd. */
export function programOf(word: string): string {
  const from = Math.max(word.lastIndexOf('/'), word.lastIndexOf('\\')) + 1
  if (word.length - from > 40) return ''
  const name = word.slice(from).toLowerCase()
  return name.includes('.') ? name.replace(/\.(?:exe|cmd|bat|com|vbs|ps1|py|sh)$/, '') : name
}
