// Package deis is a client for the Deis Controller, API v1.6, v2.2 and v2.3.
//
//	client, err := deis.New("https://deis.example.com", deis.WithToken(token))
//	…
//	app, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
//
// A Client has one service for each group of resources. It asks the Controller for its API version with the first call
// and speaks the same version from then on; a program works unchanged with all. A call that the Controller's version
// does not have returns a *version.UnsupportedError and sends nothing.
//
// # What it promises
//
// A call either does exactly what its name says, or does nothing and returns an error that says why; and when nobody can
// know, the error says that.
//
// Real Controllers are those that were run to find out what they do: Deis v1.10.1 (API 1.6), Deis Workflow v2.4.2 (API
// 2.2) and Hephy Workflow v2.22.0 (API 2.3). Many match a path by its beginning only, and carry out the request on the
// parent of a mistyped resource. So every identifier is checked against the whole of the server's pattern before anything
// is sent.
//
// Gateways and sign-in pages respond, too. Every response of a Controller names its API version; once a client has seen
// that, a response that does not can mean neither success nor "not found" nor "nothing was done": the error matches
// ErrNotController. And a result is what was asked for, with its identifiers, or an error.
//
// # Errors
//
// Every exchange that fails is one *Error. Match it with errors.Is against the sentinels of this package (by status)
// and those of the resource packages (by reason, apps.ErrExists), and with errors.As for its parts. Its methods
// FromController, Temporary and MayHaveActed say what programs that wait or write need to know. No error, no log line
// and no printing of a value of this module shows a token, a password or a private key.
//
// # Time
//
// There is no overall timeout but the context's: a deploy takes seconds to a minute, a scale-down 42 seconds, a one-off
// command up to 20 minutes. One attempt of a GET takes at most a minute; see RetryPolicy.
//
// # Tests
//
// Package deistest is a Controller in memory, for the tests of programs that use this module.
package deis
