import { expect, it } from 'vitest'
import { movedOrder } from './channel-order'
import { channelOf } from './testing'

const views = Object.fromEntries(
  [
    channelOf('1'),
    channelOf('2', { kind: 'category' }),
    channelOf('3', { parent_id: '2' }),
    channelOf('4'),
    channelOf('5', { kind: 'category' }),
    channelOf('6', { parent_id: '2' }),
    channelOf('7', { server_id: '900' }),
  ].map((channel) => [channel.id, { channel, rights: [] }]),
)

it('a channel changes places with the next of its own category, and names all of the server', () => {
  expect(movedOrder(views, '3', 1)).toEqual(['1', '2', '6', '4', '5', '3'])
  expect(movedOrder(views, '4', -1)).toEqual(['4', '2', '3', '1', '5', '6'])
})

it('a category changes places with the next category', () => {
  expect(movedOrder(views, '5', -1)).toEqual(['1', '5', '3', '4', '2', '6'])
})

it('there is no order beyond the ends, nor of what is not here', () => {
  expect(movedOrder(views, '1', -1)).toBeNull()
  expect(movedOrder(views, '6', 1)).toBeNull()
  expect(movedOrder(views, '5', 1)).toBeNull()
  expect(movedOrder(views, '99', 1)).toBeNull()
})
