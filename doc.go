// Package deis is a client for the Deis Controller, API v1.6, v2.2 and v2.3.
//
//	client, err := deis.New("https://deis.example.com", deis.WithToken(token))
//	…
//	app, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
//
// A Client has one service for each group of resources. Its first call negotiates the API version, which all later
// calls use; a program works unchanged with all versions. A call that the Controller's version does not have returns a
// *version.UnsupportedError and sends nothing.
//
// # What the SDK promises
//
// A call either does exactly what its name says, or does nothing and returns an error that says why; if nobody can know
// which, the error says so.
//
// "Real Controllers", here and in all packages of this module, are those that were run to find out what they do: Deis
// v1.10.1 (API 1.6), Deis Workflow v2.4.2 (API 2.2) and Hephy Workflow v2.22.0 (API 2.3). Servers before Workflow v2.7
// match only the beginning of a path, and carry out a request for a mistyped resource on its parent. So every
// identifier is checked against the server's whole pattern before anything is sent.
//
// Gateways and sign-in pages respond too. Every response of a Controller names its API version. Once a client has seen
// that, a response without a version never means success, "not found" or, unless it is a 429, "nothing was done": the
// error matches ErrNotController. The version probe of the first call shows it; see WithAPIVersion for clients that send
// none. A response about another object than the one that was asked for is an error.
//
// # Errors
//
// Every exchange that fails returns an *Error. Use errors.Is to match it with a status, by the sentinels of this
// package, or with a reason, by those of the resource packages (apps.ErrExists), and errors.As to get its parts. Its
// methods FromController, Temporary and MayHaveActed are for programs that wait or write. No error, log line or printed
// value of this module shows a token, a password or a private key.
//
// # Time
//
// Only the context limits how long a call takes: a deploy takes seconds to a minute, a scale-down 42 seconds, a one-off
// command up to 20 minutes. One attempt of a GET takes at most a minute; see RetryPolicy.
//
// # Tests
//
// Package deistest is a Controller in memory, for the tests of programs that use this module.
package deis
