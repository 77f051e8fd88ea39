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

const member = (who: Person, server = SERVER) => ({
  user_id: people[who].id,
  server_id: server,
  role_ids: [],
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
