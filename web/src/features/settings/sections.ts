/** What the settings of a server hold, and who may open which. */
import { Gavel, Info, Link, type LucideIcon, ScrollText, Shield, Users } from 'lucide-react'
import type { MessageId } from '@/i18n/use-t'

export type SectionId = 'overview' | 'roles' | 'members' | 'bans' | 'invitations' | 'audit'

export interface Section {
  readonly id: SectionId
  readonly icon: LucideIcon
  readonly label: MessageId
  /** One of these rights opens it. */
  readonly rights: readonly string[]
}

export const sections: readonly Section[] = [
  { id: 'overview', icon: Info, label: 'server_settings.overview', rights: ['manage_server'] },
  { id: 'roles', icon: Shield, label: 'server_settings.roles', rights: ['manage_roles'] },
  {
    id: 'members',
    icon: Users,
    label: 'server_settings.members',
    rights: ['manage_members', 'manage_roles', 'manage_nicknames'],
  },
  { id: 'bans', icon: Gavel, label: 'server_settings.bans', rights: ['manage_members'] },
  { id: 'invitations', icon: Link, label: 'server_settings.invitations', rights: ['manage_invitations'] },
  { id: 'audit', icon: ScrollText, label: 'server_settings.audit', rights: ['manage_server'] },
]

/** The sections that these rights open. */
export const sectionsFor = (rights: readonly string[]): Section[] =>
  sections.filter((section) => section.rights.some((right) => rights.includes(right)))
