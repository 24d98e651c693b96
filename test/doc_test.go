// Package test holds the SDK as a whole to its promises: tables over every endpoint, the documented and the recorded
// exchanges, the hazards of real Controllers, faults, secrets, the layout, and the benchmarks.
package test

// The tables of docs/operations.md and docs/faults.md follow from the code.
//
//go:generate go test . -run ^TestTheTable -update
