import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadDraft, saveDraft } from './drafts'
import { forgetPlaces, newPreferences } from './preferences'
import { loadReads, saveReads } from './reads'
import { ScrollMemory } from './scroll-memory'
import { newStage } from './stage'

beforeEach(() => localStorage.clear())
afterEach(() => vi.useRealTimers())

describe('preferences', () => {
  it('have defaults, and survive a reload', () => {
    const first = newPreferences(localStorage)
    expect(first.getState()).toMatchObject({ theme: 'system', language: null, members: true })
    first.setState({ theme: 'dark', language: 'fr' })
    expect(newPreferences(localStorage).getState()).toMatchObject({ theme: 'dark', language: 'fr' })
  })

  it('forget the places of an account and keep what belongs to the device', () => {
    const preferences = newPreferences(localStorage)
    preferences.setState({ theme: 'dark', language: 'fr', members: false, lastChannel: { 1: '2' }, collapsed: ['3'] })
    forgetPlaces(preferences)
    expect(newPreferences(localStorage).getState()).toEqual({
      theme: 'dark',
      language: 'fr',
      members: false,
      membersOverlay: false,
      lastChannel: {},
      collapsed: [],
    })
  })

  it.each(['not json', '{"theme":"pink"}'])('fall back when storage holds %s', (text) => {
    localStorage.setItem('beep:preferences', text)
    expect(newPreferences(localStorage).getState().theme).toBe('system')
  })
})

describe('drafts', () => {
  it('of white space are none', () => {
    saveDraft(localStorage, '1', 'text')
    expect(loadDraft(localStorage, '1')).toBe('text')
    saveDraft(localStorage, '1', ' \n')
    expect(loadDraft(localStorage, '1')).toBe('')
  })
})

describe('read state', () => {
  it('is kept per user, and damage is none', () => {
    saveReads(localStorage, '1', { 200: 3 })
    expect(loadReads(localStorage, '1')).toEqual({ 200: 3 })
    expect(loadReads(localStorage, '2')).toEqual({})
    localStorage.setItem('beep:reads:1', '{"200":"many"}')
    expect(loadReads(localStorage, '1')).toEqual({})
    localStorage.setItem('beep:reads:1', '{')
    expect(loadReads(localStorage, '1')).toEqual({})
  })
})

describe('scroll memory', () => {
  it('keeps a place until the bottom is reached again', () => {
    const memory = new ScrollMemory()
    memory.keep('1', { id: '7', offset: 3 })
    expect(memory.placeOf('1')).toEqual({ id: '7', offset: 3 })
    memory.keep('1', null)
    expect(memory.placeOf('1')).toBeNull()
  })
})

describe('the stage', () => {
  it('shows one dialog, and notes for a while; errors stay', () => {
    vi.useFakeTimers()
    const stage = newStage()
    const { show, hide, toast, dismiss } = stage.getState()
    show({ kind: 'create-server' })
    show({ kind: 'use-invitation' })
    expect(stage.getState().dialog).toEqual({ kind: 'use-invitation' })
    hide()
    toast('Copied')
    toast('Copied')
    toast('Broken', 'danger')
    expect(stage.getState().toasts.map((one) => one.text)).toEqual(['Copied', 'Broken'])
    vi.advanceTimersByTime(60_000)
    const [left] = stage.getState().toasts
    expect(left?.text).toBe('Broken')
    dismiss(left?.id ?? 0)
    expect(stage.getState()).toMatchObject({ dialog: null, toasts: [] })
  })
})
