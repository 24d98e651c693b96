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
// A call does what its name says, or nothing, and says why. Real Controllers match paths by their beginnings: they
// answer a mistyped path by destroying the parent resource. So every identifier is checked before anything is sent,
// against the whole of the pattern that the Controller has for it.
//
// # Errors
//
// Every exchange that fails is one *Error. Match it with errors.Is against the sentinels of this package (by status)
// and those of the resource packages (by reason, apps.ErrExists), and with errors.As for its parts. No error, no log
// line and no printing of a value of this module shows a token, a password or a private key.
//
// # Time
//
// There is no timeout but the context's: a deploy takes seconds to a minute, a scale-down 42 seconds, a one-off
// command up to 20 minutes.
//
// # Tests
//
// Package deistest is a Controller in memory, for the tests of programs that use this module.
package deis
