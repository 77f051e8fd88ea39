//go:build race

package perm_test

// raceEnabled: everything is some ten times slower.
const raceEnabled = true
