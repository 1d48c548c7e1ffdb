/*
 * URLs that a webhook may not have, by what is said of their host, and some that it may. Every
 * spelling is one that a URL parser, a resolver or a socket somewhere takes for the address.
 */

/** Inside addresses in every spelling, by the range that the fault names. */
export const INSIDE: Record<string, string[]> = {
  loopback: [
    // dotted, short, decimal, octal, hexadecimal, mixed
    'https://127.0.0.1/',
    'https://127.0.0.1:443/',
    'https://127.0.1/',
    'https://127.1/',
    'https://127.1.1/',
    'https://127.255.255.254/',
    'https://2130706433/',
    'https://017700000001/',
    'https://0x7f000001/',
    'https://0X7F000001/',
    'https://0x7f.0x0.0x0.0x1/',
    'https://0x7f.1/',
    'https://0x7f.0.0x1/',
    'https://0177.0.0.1/',
    'https://0177.1/',
    'https://0000177.0000000.0.00001/',
    'https://0x0000007f.1/',
    'https://127.0x1/',
    'https://127.0.01/',
    'https://127.65535/',
    'https://127.16777214/',
    // a dot at the end
    'https://127.0.0.1./',
    'https://2130706433./',
    'https://0x7f.1./',
    // other digits and dots, percent signs
    'https://１２７.０.０.１/',
    'https://１２７。０。０。１/',
    'https://127．0．0．1/',
    'https://127｡0｡0｡1/',
    'https://①②⑦.⓪.⓪.①/',
    'https://𝟏𝟐𝟕.𝟎.𝟎.𝟏/',
    'https://¹²⁷.⁰.⁰.¹/',
    'https://０ｘ７ｆ．１/',
    'https://%31%32%37.%30.0.1/',
    'https://127%2e0%2e0%2e1/',
    'https://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/',
    'https://127.0.0.%31/',
    'https://12\u00ad7.0.0.1/',
    'https://127\u200b.0.0.1/',
    // scheme and slashes
    'HTTPS://127.0.0.1/',
    'https://127.0.0.1',
    'https://127.0.0.1?x=https://partner.example/',
    // IPv6
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[0000:0000:0000:0000:0000:0000:0000:0001]/',
    'https://[::0001]/',
    'https://[::0.0.0.1]/',
    'https://[0:0:0::0:0:1]/',
    // names
    'https://localhost/',
    'https://LOCALHOST/',
    'https://loc%61lhost/',
    'https://ｌｏｃａｌｈｏｓｔ/',
    'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
    'https://local\u00adhost/',
    'https://api.localhost/',
  ],
  unspecified: ['https://0.0.0.0/', 'https://0/', 'https://0x0/', 'https://00.0/', 'https://[::]/'],
  'of this network': ['https://0.1/', 'https://0.255.255.255/', 'https://0x1/', 'https://1/'],
  private: [
    ...['https://10.0.0.1/', 'https://10.255.255.255/', 'https://10.1/', 'https://167772161/'],
    ...['https://012.0.0.1/', 'https://0xa.0.0.1/', 'https://0xA000001/', 'https://%31%30.0.0.1/'],
    ...['https://172.16.0.1/', 'https://172.31.255.255/', 'https://0254.020.1/'],
    ...['https://192.168.0.1/', 'https://192.168.1/', 'https://3232235777/', 'https://0xc0a80101/'],
    ...['https://0300.0250.1.1/', 'https://192.168.257/'],
    ...['https://[fc00::1]/', 'https://[fd00:ec2::254]/', 'https://[FDFF:FFFF::1]/'],
  ],
  'link-local': [
    ...['https://169.254.169.254/', 'https://169.254.43518/', 'https://2852039166/'],
    ...['https://0xa9fea9fe/', 'https://0251.0376.0251.0376/', 'https://169.16689662/'],
    ...[
      'https://169.254.169.254./',
      'https://１６９．２５４．１６９．２５４/',
      'https://169.254.0.1/',
    ],
    ...['https://[fe80::1]/', 'https://[fe80::a9fe:a9fe]/', 'https://[febf:ffff::1]/'],
  ],
  'shared between a carrier and its customers': [
    ...['https://100.64.0.1/', 'https://100.127.255.255/', 'https://100.100.100.200/'],
    'https://0x64646464/',
  ],
  broadcast: ['https://255.255.255.255/', 'https://4294967295/', 'https://0xffffffff/'],
  multicast: [
    ...['https://224.0.0.1/', 'https://239.255.255.255/', 'https://0xe0000001/'],
    ...['https://[ff02::1]/', 'https://[ff0e::1]/'],
  ],
  documentation: [
    ...['https://192.0.2.1/', 'https://198.51.100.1/', 'https://203.0.113.255/'],
    ...['https://[2001:db8::1]/', 'https://[3fff:fff::1]/'],
  ],
  benchmarking: ['https://198.18.0.1/', 'https://198.19.255.255/', 'https://[2001:2::1]/'],
  'assigned to protocols': [
    ...['https://192.0.0.1/', 'https://192.0.0.192/', 'https://192.0.0.170/'],
    // Teredo, then ORCHID and others
    ...['https://[2001::7f00:1]/', 'https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/'],
    ...['https://[2001:1::1]/', 'https://[2001:10::1]/', 'https://[2001:20::1]/'],
    ...['https://[2001:30::1]/', 'https://[2001:3::1]/', 'https://[2001:4:112::1]/'],
  ],
  'a relay or sinkhole': [
    ...['https://192.31.196.1/', 'https://192.52.193.1/', 'https://192.88.99.1/'],
    ...['https://192.175.48.1/', 'https://[2620:4f:8000::1]/'],
  ],
  'of a cloud’s own host': ['https://168.63.129.16/', 'https://0xa83f8110/'],
  'an IPv4 address in IPv6': [
    // mapped
    ...['https://[::ffff:127.0.0.1]/', 'https://[::ffff:7f00:1]/', 'https://[::FFFF:7F00:0001]/'],
    ...['https://[0:0:0:0:0:ffff:127.0.0.1]/', 'https://[::ffff:169.254.169.254]/'],
    ...['https://[::ffff:a00:1]/', 'https://[::ffff:8.8.8.8]/'],
    // compatible
    ...['https://[::127.0.0.1]/', 'https://[::7f00:1]/', 'https://[::10.0.0.1]/'],
    // translated (RFC 2765), NAT64, 6to4
    ...['https://[::ffff:0:127.0.0.1]/', 'https://[64:ff9b::127.0.0.1]/'],
    ...['https://[64:ff9b::a9fe:a9fe]/', 'https://[64:ff9b:1::127.0.0.1]/'],
    ...['https://[2002:7f00:1::]/', 'https://[2002:a9fe:a9fe::1]/', 'https://[2002:808:808::1]/'],
  ],
  reserved: [
    ...['https://240.0.0.1/', 'https://255.255.255.254/', 'https://0xf0000001/'],
    ...['https://[100::1]/', 'https://[100:0:0:1::1]/', 'https://[200::1]/', 'https://[1000::1]/'],
    ...['https://[3ffe::1]/', 'https://[4000::1]/', 'https://[5f00::1]/', 'https://[e000::1]/'],
    ...['https://[fec0::1]/', 'https://[fe00::1]/'],
  ],
}

/** Names that only the inside knows. */
export const INSIDE_NAMES = [
  'https://router/',
  'https://metadata/',
  'https://printer.local/',
  'https://metadata.google.internal/',
  'https://METADATA.GOOGLE.INTERNAL/',
  'https://nas.home.arpa/',
]

/** What is wrong with the URL beside its host, by the fault. */
export const MALFORMED: Record<string, string[]> = {
  'must be an absolute https URL with a host': [
    ...['', 'partner.example', '//partner.example/', '/hooks', 'https:', 'https://', 'https:///'],
    ...['https:partner.example', 'https:/partner.example/', 'https:///partner.example/'],
    ...['ftp://partner.example/', 'file:///etc/passwd', 'gopher://127.0.0.1:70/', 'data:,x'],
    ...['javascript:alert(1)', 'ws://partner.example/', 'unix:/var/run/docker.sock'],
    ...['blob:https://partner.example/x', 'https+unix://partner.example/'],
    // what no host can be
    ...['https://[fe80::1%25eth0]/', 'https://[fe80::1%eth0]/', 'https://[::1%lo]/'],
    ...['https://[::1/', 'https://::1/', 'https://[127.0.0.1]/', 'https://[::ffff:127.1]/'],
    ...['https://[1::2::3]/', 'https://[v1.x]/', 'https://256.0.0.1/', 'https://127.0.0.1.1/'],
    ...['https://0x7g.1/', 'https://4294967296/', 'https://1.2.3.256/', 'https://08.0.0.1/'],
    ...['https://127..0.1/', 'https://.127.0.0.1/', 'https://partner.example:99999/'],
    ...['https://partner.example:x/', 'https://part<ner.example/', 'https://%00.example/'],
    ...['https://a%2Fb.example/', 'https://a%23b.example/'],
  ],
  'must not have white space, control characters or backslashes': [
    ...[' https://partner.example/', 'https://partner.example/ ', 'https://partner.example/a b'],
    ...['https://part\tner.example/', 'https://partner.example/\r\nX-Evil: 1'],
    ...['ht\ntps://partner.example/', 'https:\\\\partner.example\\', 'https://partner.example\\x'],
    ...['https://partner.example\\@127.0.0.1/', 'https://partner.example/\u0000'],
    ...['https://partner.example/\u3000', '\ufeffhttps://partner.example/'],
  ],
  'must not hold a user name or password': [
    ...['https://user@partner.example/', 'https://user:pass@partner.example/'],
    ...[
      'https://:pass@partner.example/',
      'https://@partner.example/',
      'https://:@partner.example/',
    ],
    ...['https://partner.example:443@127.0.0.1/', 'https://127.0.0.1@partner.example/'],
    ...['https://a@b@partner.example/', 'https://partner.example%2f@127.0.0.1/'],
    'https://us%65r@partner.example/',
  ],
  'must not have a fragment, which is never sent': [
    ...['https://partner.example/#', 'https://partner.example/#x', 'https://partner.example#x'],
    ...['https://partner.example#@127.0.0.1/', 'https://127.0.0.1/#partner.example'],
  ],
  'must use https': ['http://partner.example/', 'HTTP://partner.example/', 'http://8.8.8.8/'],
  'must use port 443': [
    ...['https://partner.example:8443/', 'https://partner.example:80/', 'http://8.8.8.8:443/'],
    ...['https://partner.example:0/', 'https://1.1.1.1:22/', 'https://[2606:4700::1]:25/'],
  ],
  'must name its host without a dot at the end': [
    ...['https://partner.example./', 'https://partner.example。/', 'https://partner.example%2e/'],
    'https://localhost./',
  ],
}

/** What a webhook may have without anything being allowed. */
export const PUBLIC = [
  'https://partner.example/hooks',
  'https://partner.example:443/hooks?token=a%20b&x=1',
  'https://PARTNER.example/%7Ehooks/',
  'https://bücher.example/',
  'https://xn--bcher-kva.example/',
  'https://127.0.0.1.partner.example/',
  'https://localhost.partner.example/',
  'https://internal.partner.example/',
  'https://0x7f.partner.example/',
  'https://a.b.c.d.partner.example',
  'https://partner.example/@user',
  'https://partner.example/?u=user@host',
  ...['https://8.8.8.8/', 'https://134744072/', 'https://0x8.8.010.8/', 'https://1.1/'],
  ...['https://9.255.255.255/', 'https://11.0.0.0/', 'https://126.255.255.255/'],
  ...['https://128.0.0.0/', 'https://172.15.255.255/', 'https://172.32.0.0/'],
  ...['https://192.167.255.255/', 'https://192.169.0.0/', 'https://100.63.255.255/'],
  ...['https://100.128.0.0/', 'https://169.253.255.255/', 'https://169.255.0.0/'],
  ...['https://198.17.255.255/', 'https://198.20.0.0/', 'https://192.0.1.0/'],
  ...['https://192.0.3.0/', 'https://223.255.255.255/', 'https://203.0.112.255/'],
  ...['https://[2606:4700:4700::1111]/', 'https://[2a00:1450:4001:80b::200e]/'],
  ...['https://[2001:200::1]/', 'https://[2001:db7:ffff::1]/', 'https://[2001:db9::1]/'],
  ...['https://[2003::1]/', 'https://[3ffd::1]/', 'https://[3fff:1000::1]/'],
]
