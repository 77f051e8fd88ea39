//go:build !race

package sqlstore

const raceDetector = false
