// Package order keeps things in an order by positions with room in between: pure arithmetic.
package order

import "slices"

// Positions leave room between things, so that one that moves is one row of the log and not one for every other that it
// passes. Where the room is used up all are spread out again first: that changes nobody's place among the others.
const (
	Max  = 1 << 30 // below it is everything
	Step = 1 << 16 // from a new thing to the one next to it, while there is room
)

// Rise gives things that are to stand in this order positions that rise, in place, all above floor and below
// Max. As many as possible keep theirs (a longest rising subsequence), so that one that was dragged elsewhere is
// all that moves. It answers the places of those that moved; ok is false where there is no room between two that stay.
func Rise(positions []uint32, floor int64) (moved []int, ok bool) {
	stay := rising(positions, floor)
	below := floor
	for i := 0; i < len(positions); {
		if stay[i] {
			below = int64(positions[i])
			i++
			continue
		}
		end, above := i, int64(Max) // the run that needs a place between below and the next that stays
		for end < len(positions) && !stay[end] {
			end++
		}
		if end < len(positions) {
			above = int64(positions[end])
		}
		gap, n := above-below, int64(end-i)
		if gap <= n {
			return nil, false
		}
		for k := range n {
			positions[i] = uint32(below + (k+1)*gap/(n+1))
			moved = append(moved, i)
			i++
		}
	}
	return moved, true
}

// rising marks a longest subsequence of positions that rise already, none of them out of bounds.
func rising(positions []uint32, floor int64) []bool {
	longest, next := make([]int, len(positions)), make([]int, len(positions)) // of what begins here
	best := -1
	for i, p := range slices.Backward(positions) {
		if int64(p) <= floor || p >= Max {
			continue
		}
		longest[i], next[i] = 1, -1
		for j := i + 1; j < len(positions); j++ {
			if longest[j] >= longest[i] && positions[j] > p {
				longest[i], next[i] = longest[j]+1, j
			}
		}
		if best < 0 || longest[i] >= longest[best] {
			best = i
		}
	}
	stay := make([]bool, len(positions))
	for i := best; i >= 0; i = next[i] {
		stay[i] = true
	}
	return stay
}

// Evenly are n positions that rise with as much room as there is.
func Evenly(n int) []uint32 {
	positions := make([]uint32, n)
	for i := range positions {
		positions[i] = uint32((i + 1) * (Max / (n + 1)))
	}
	return positions
}
