/** A small harbour radio to draw: the objects that the scripted server answers with. */

export const NOW = Date.parse('2026-11-24T08:10:00Z')
export const SERVER = '1581000000000000001'
export const CHANNEL = '1581000000000000012'

const SECOND_SERVER = '1581000000000000002'

export const people = {
  noor: { id: '1580000000000000001', username: 'noor', display_name: 'Noor Haddad' },
  ines: { id: '1580000000000000002', username: 'ines', display_name: 'Ines Moreau' },
  tomas: { id: '1580000000000000003', username: 'tomas.reyes', display_name: 'Tomás Reyes' },
  adaeze: { id: '1580000000000000004', username: 'adaeze', display_name: 'Adaeze Obi' },
  mei: { id: '1580000000000000005', username: 'mei', display_name: 'Mei Tanaka' },
  lena: { id: '1580000000000000006', username: 'lena.v', display_name: 'Lena Vogt' },
} as const

export type Person = keyof typeof people

export interface Said {
  who: Person
  at: string
  text: string
  edited?: boolean
  deleted?: boolean
}

export const said: Said[] = [
  {
    who: 'ines',
    at: '2026-11-21T20:14:00Z',
    text: 'North mast was down for eleven minutes. The top connector is full of water.',
  },
  {
    who: 'ines',
    at: '2026-11-21T20:15:00Z',
    text: 'I have a spare N-type in the van, so no order this time.',
    edited: true,
  },
  {
    who: 'tomas',
    at: '2026-11-21T20:32:00Z',
    text: 'I can climb Thursday before noon if someone spots me. Wind under **15 km/h**, see https://weather.example/harbour.',
  },
  {
    who: 'adaeze',
    at: '2026-11-24T07:57:00Z',
    text: '<@1580000000000000001> could you bring the ladder key? It is still on your hook in <#1581000000000000011>.',
  },
  {
    who: 'mei',
    at: '2026-11-24T08:03:00Z',
    text: 'Encoder restarts cleanly now. If it sticks again, this is all it takes:\n```sh\nsystemctl restart encoder && journalctl -fu encoder\n```',
  },
  { who: 'mei', at: '2026-11-24T08:04:00Z', text: '', deleted: true },
  { who: 'noor', at: '2026-11-24T08:05:00Z', text: 'On my way with the key. Ten minutes.' },
]

export interface Message {
  id: string
  channel_id: string
  author_id: string
  content: string
  created_at: string
  edited_at?: string
  nonce: string
  n: number
  v: number
  deleted: boolean
}

export function messageOf({ who, at, text, edited, deleted }: Said, n: number, v: number): Message {
  return {
    id: String(1_582_000_000_000_000_000n + BigInt(n)),
    channel_id: CHANNEL,
    author_id: people[who].id,
    content: text,
    created_at: at,
    ...(edited && { edited_at: at }),
    nonce: `scripted-${n}`,
    n,
    v,
    deleted: deleted ?? false,
  }
}

const member = (who: Person, server = SERVER, role_ids: string[] = []) => ({
  user_id: people[who].id,
  server_id: server,
  role_ids,
  joined_at: '2026-11-01T08:00:00Z',
})

const everyRight = [
  'view_channels',
  'send_messages',
  'attach_files',
  'manage_channels',
  'manage_invitations',
  'manage_messages',
]

export const server = (id: string, name: string, rights = everyRight) => ({
  server: { id, name, description: '', owner_id: people.ines.id, created_at: '2026-11-01T08:00:00Z' },
  roles: [{ id, server_id: id, name: 'everyone', position: 0, rights: [] }],
  me: member('noor', id),
  rights,
  presences: [
    { user_id: people.noor.id, status: 'online' },
    { user_id: people.ines.id, status: 'online' },
    { user_id: people.tomas.id, status: 'idle' },
    { user_id: people.mei.id, status: 'dnd' },
  ],
})

export const servers = [server(SERVER, 'Harbour Radio'), server(SECOND_SERVER, 'Bread Club')]

const channel = (id: string, name: string, position: number, more: object = {}) => ({
  channel: { id, server_id: SERVER, kind: 'text', name, topic: '', parent_id: '0', position, synced: false, ...more },
  rights: everyRight,
})

const STUDIO = '1581000000000000020'

export const channels = [
  channel('1581000000000000010', 'welcome', 0),
  channel(STUDIO, 'Studio', 1, { kind: 'category' }),
  channel('1581000000000000011', 'schedule', 2, { parent_id: STUDIO }),
  channel(CHANNEL, 'engineering', 3, { parent_id: STUDIO, topic: 'Transmitter, cables and what broke' }),
  channel('1581000000000000013', 'field-recordings', 4, { parent_id: STUDIO }),
]

export const members = Object.keys(people).map((who) => member(who as Person))

const LEAD = '1581000000000000031'
const ENGINEERS = '1581000000000000032'
const FRIENDS = '1581000000000000033'

/** All that a role may hold, and what only a channel gives. */
const allRights = [
  ...['administrator', 'manage_server', 'manage_roles', 'manage_members', 'manage_nicknames', 'manage_webhooks'],
  ...['change_nickname', 'connect', 'speak', 'mute_members', 'manage_permissions'],
  ...everyRight,
]

const role = (id: string, name: string, position: number, more: object = {}) => ({
  ...{ id, server_id: SERVER, name, position, rights: [] as string[], color: 0, hoist: false, mentionable: false },
  ...more,
})

/** The same place for someone who runs it: with roles, of which the highest is Noor's. */
export const run = {
  servers: [
    {
      ...server(SERVER, 'Harbour Radio', allRights),
      roles: [
        role(LEAD, 'Station lead', 300, { color: 0xc2185b, hoist: true, rights: ['administrator'] }),
        role(ENGINEERS, 'Engineers', 200, { color: 0x1abc9c, hoist: true, rights: ['manage_messages'] }),
        role(FRIENDS, 'Friends of the station', 100),
        role(SERVER, 'everyone', 0, { rights: ['view_channels', 'send_messages', 'attach_files'] }),
      ],
      me: member('noor', SERVER, [LEAD]),
    },
  ],
  channels: channels.map((added) => ({ ...added, rights: allRights })),
  members: Object.keys(people).map((who) => {
    const roles: Partial<Record<Person, string[]>> = { noor: [LEAD], mei: [ENGINEERS], tomas: [ENGINEERS, FRIENDS] }
    return member(who as Person, SERVER, roles[who as Person])
  }),
}

const overwrite = (id: string, target: object, allow: string[], deny: string[]) => ({
  ...{ id, channel_id: CHANNEL, role_id: '0', member_id: '0', allow, deny },
  ...target,
})

/** What the engineers' channel says of whom. */
export const overwrites = [
  overwrite('61', { role_id: SERVER }, [], ['view_channels']),
  overwrite('62', { role_id: ENGINEERS }, ['view_channels', 'send_messages'], ['manage_webhooks']),
  overwrite('63', { member_id: people.lena.id }, ['view_channels'], ['send_messages']),
]

export const bans = [
  {
    ...{ id: '71', server_id: SERVER, user_id: people.tomas.id, actor_id: people.noor.id },
    ...{ reason: 'Sold tickets in every channel', created_at: '2026-11-23T10:00:00Z' },
  },
]

export const invitations = [
  {
    ...{ code: 'tide4Harbour', server_id: SERVER, creator_id: people.ines.id, uses: 3, max_uses: 10 },
    expires_at: '2026-12-01T10:00:00Z',
  },
]

const deed = (id: string, action: string, target_id: string, changes: object[], reason = '') => ({
  ...{ id, actor_id: people.noor.id, action, target_id, changes, reason },
  created_at: '2026-11-24T07:30:00Z',
})

export const auditLog = [
  deed('89', 'overwrite_set', CHANNEL, [
    { field: 'role_id', from: [], to: [ENGINEERS] },
    { field: 'allow', from: [], to: ['view_channels', 'send_messages'] },
  ]),
  deed('88', 'role_update', ENGINEERS, [
    { field: 'name', from: ['Technicians'], to: ['Engineers'] },
    { field: 'color', from: [], to: ['1752220'] },
    { field: 'rights', from: ['send_messages'], to: ['send_messages', 'manage_messages'] },
    { field: 'hoist', from: ['false'], to: ['true'] },
  ]),
  deed('87', 'role_assign', people.mei.id, [{ field: 'role_ids', from: [], to: [ENGINEERS] }]),
  deed(
    '86',
    'member_mute',
    people.lena.id,
    [{ field: 'muted_until', from: [], to: ['2026-11-24T09:30:00Z'] }],
    'Too loud',
  ),
  deed('85', 'channel_update', CHANNEL, [
    { field: 'topic', from: [], to: ['Transmitter, cables and what broke'] },
    { field: 'parent_id', from: [], to: [STUDIO] },
  ]),
  deed('84', 'member_ban', people.tomas.id, [], 'Sold tickets in every channel'),
]
