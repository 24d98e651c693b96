// Package test tests the SDK as a whole: every endpoint, the documented and the recorded exchanges, the hazards of real
// Controllers, faults, secrets and the layout. It also has the benchmarks.
package test

// The tables in docs/operations.md and docs/faults.md are written from the tests.
//
//go:generate go test . -run ^TestTheTable -update
