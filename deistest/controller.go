// Package deistest provides a Deis Controller that lives in memory, for tests of programs that talk to one.
//
// It speaks API 1.6 or 2.2, keeps state (users and their tokens, apps with their builds, configurations, releases,
// pods, domains and logs, certificates, keys), and answers what real Controllers were recorded to answer, down to the
// texts of their errors. It is written from the API documents and from those recordings, and shares no type with the
// SDK: a mistake would otherwise be made twice and never be seen.
//
// [NewServer] starts one on a loopback address; [New] returns the http.Handler alone.
//
// # What differs from a real Controller
//
//   - Paths are matched as a whole. A real Controller answers a path that goes on after a known one as if it ended
//     there, so that DELETE /v2/apps/web/typo destroys the app; here it is 404, as is every other unknown path.
//   - Nothing takes time. Deployments, scaling and restarts are done when they are answered. [WithLatency] and
//     [WithStartDelay] make them slower.
//   - What is undocumented (app settings, build hooks, OPTIONS descriptions, CORS) is missing.
//
// # Things that go wrong
//
// Besides [WithFault], these are refused as the recorded schedulers and registries refused them:
//
//   - an image named nonexistent or missing, such as "deis/nonexistent:1", is not in the registry;
//   - an image with the tag k8s-fail, and a configuration with the variable K8S_FAIL, cannot be deployed;
//   - an image named noport, such as "acme/noport:1", exposes no port (API 2.2);
//   - more than 98 pods of a type cannot be scheduled. In API 2.2 the number is stored nevertheless, and asking for it
//     again changes nothing and succeeds, as recorded;
//   - the command k8s-fail cannot be run (API 2.2).
//
// # One-off commands
//
// The run resource knows "echo", which prints the rest of the line as it is, "true", "false", "exit N", "env" and
// "printenv", which print the configuration ("printenv NAME" one variable of it), and several of these separated by
// ";". Any other command exits with 127 and prints "NAME: not found".
package deistest

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/deisgo/deis/version"
)

// A Controller is a Deis Controller in memory, as an http.Handler. It is safe for concurrent use and starts no
// goroutine. Make one with [New]; several may live in one program and share nothing.
type Controller struct {
	latency      time.Duration
	startDelay   time.Duration
	registration Registration
	lostUpdates  bool
	admin        *user // the one that New made, or nil

	mu       sync.Mutex // guards all that follows; held while a request is carried out
	api      version.API
	faults   []*Fault
	requests []*Request
	users    []*user          // in order of registration
	tokens   map[string]*user // every user has exactly one
	apps     []*app           // by id, so that a page needs no sorting
	domains  map[string]*domain
	certs    []*cert
	keys     []*key
	certIDs  int // how many certificates there have been
	rows     int // how many rows the database has written
	changes  int // how many changes of configurations there were, if updates are to be lost
}

// New returns a Controller of API 2.2 with one user, the administrator "admin", unless the options say otherwise.
// It panics if two users are given the same name.
func New(opts ...Option) *Controller {
	s := settings{api: version.V2_2, admin: &account{defaultAdmin, defaultPassword}}
	for _, o := range opts {
		o(&s)
	}
	c := &Controller{
		latency: s.latency, startDelay: s.startDelay, registration: s.registration, lostUpdates: s.lostUpdates,
		api: s.api, tokens: map[string]*user{}, domains: map[string]*domain{},
	}
	for i := range s.faults {
		c.faults = append(c.faults, &s.faults[i])
	}
	if s.admin != nil {
		c.admin = c.addUser(user{username: s.admin.username, password: s.admin.password, admin: true})
	}
	for _, u := range s.users {
		c.addUser(user{username: u.username, password: u.password})
	}
	return c
}

// APIVersion returns the API version that the Controller speaks.
func (c *Controller) APIVersion() version.API {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.api
}

// SetAPIVersion upgrades the Controller, or puts it back, under its running clients. Everything that it stores is
// kept, tokens included; the paths of another major version are 404 from now on.
func (c *Controller) SetAPIVersion(api version.API) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.api = api
}

// ServeHTTP answers a request. A dropped connection is a panic with http.ErrAbortHandler, as net/http asks for it.
func (c *Controller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone, or sent less than it promised
	}
	seen, fault := c.receive(r)
	if !sleep(r.Context(), c.latency+fault.Delay) {
		panic(http.ErrAbortHandler)
	}
	var a *response
	if fault.carriesOut() {
		a = c.carryOut(r, body)
	}
	if a = fault.apply(a, c); a == nil {
		panic(http.ErrAbortHandler)
	}
	c.mu.Lock()
	seen.Status = a.status
	c.mu.Unlock()
	a.write(w, r.Method, fault.Truncate)
}

// carryOut does what a request asks for and adds what every answer has.
func (c *Controller) carryOut(r *http.Request, body []byte) *response {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &request{Controller: c, http: r, body: body}
	return q.respond().withHeaders(c.versionHeaders())
}

// versionHeaders are on every answer. API 1.6 has them twice.
func (c *Controller) versionHeaders() map[string]string {
	if c.v2() {
		return map[string]string{version.Header: c.api.String(), version.PlatformHeader: "2.2.0"}
	}
	return map[string]string{
		version.Header: c.api.String(), version.PlatformHeader: "1.10.1",
		"X_" + version.Header: c.api.String(), "X_" + version.PlatformHeader: "1.10.1",
	}
}

// v2 tells the two families of API versions apart. Within one, only the version header and whoami differ.
func (c *Controller) v2() bool { return c.api.Major >= 2 }

// now is the only clock of the package, so that a test in a synctest bubble moves it.
func now() time.Time { return time.Now().UTC() }

// stamp writes a time as resources have it.
func (c *Controller) stamp(t time.Time) string {
	if c.v2() {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05UTC")
}

// sleep waits and tells whether the wait was not cut short by the context.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// nextRow is the place in the database of what is stored or changed now.
func (c *Controller) nextRow() int {
	c.rows++
	return c.rows
}
