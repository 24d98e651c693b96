package deistest

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// A Fault makes requests fail in a chosen way. The zero Fault matches every request and does nothing to it.
//
// A fault says what the client gets: the response of something in front of the Controller (Status), a lost connection
// (Drop), nothing at all (Hang), or half of a response (Truncate). Without any of these the request is only delayed.
// With After or Late the work is done nevertheless.
type Fault struct {
	// Method is the method that the fault matches, "POST"; "" is any. Its case makes no difference.
	Method string

	// Path is a pattern as in path.Match, where * is one path element: "/v2/apps/*/builds/". A pattern that ends with
	// "/..." matches all paths that begin like it: "/v2/apps/...", and /v2/apps itself. "" matches every path. A
	// trailing slash makes no difference, and the version prefix may be left out: "/apps/*/builds".
	Path string

	// Status is the response's, instead of what the Controller would say, with Body, ContentType and Header. An empty
	// ContentType is application/json; without a Body the response has no content.
	Status      int
	Body        string
	ContentType string
	Header      map[string]string

	// Proxy says that the response comes from something in front of the Controller: it has no version headers.
	Proxy bool

	// Drop closes the connection instead of responding.
	Drop bool

	// Hang never responds. The connection stays open until the client leaves.
	Hang bool

	// Truncate sends half of the body and closes the connection; the Content-Length is that of the whole. Without
	// Status it is the Controller's own response that is cut, so the request is carried out.
	Truncate bool

	// After has the request carried out before the client gets Status, Drop or Hang: the work is done, and only its
	// response is lost.
	After bool

	// Late has the request carried out this long after the client got Status or Drop, or began to Hang: a gateway gave
	// up, and the Controller behind it did not.
	Late time.Duration

	// Delay is waited for before anything else. It ends with the context of the request, which then gets no response.
	Delay time.Duration

	// Skip is the number of requests that pass unharmed first, Times is how often the fault strikes then; 0 is always.
	Skip, Times int

	matched int
}

// check panics if the fault could never do what it says: a test that went on would test nothing.
func (f Fault) check() {
	_, badPattern := path.Match(f.Path, "")
	answersInstead := f.Status != 0 || f.Drop || f.Hang
	switch {
	case badPattern != nil:
		panic(fmt.Sprintf("deistest: fault with the path %q, which is no pattern: %v", f.Path, badPattern))
	case f.Path != "" && f.Path[0] != '/':
		panic(fmt.Sprintf("deistest: fault with the path %q, which must begin with /", f.Path))
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		panic(fmt.Sprintf("deistest: fault with the status %d, which no response can have", f.Status))
	case f.Status == 0 && (f.Body != "" || f.Proxy):
		panic("deistest: fault with Body or Proxy, but without a Status")
	case f.Drop && f.Hang:
		panic("deistest: fault with both Drop and Hang")
	case !answersInstead && (f.After || f.Late != 0):
		panic("deistest: fault with After or Late, but without Status, Drop or Hang")
	case f.After && f.Late != 0:
		panic("deistest: fault with both After and Late")
	}
}

// AddFault makes some requests fail from now on, as [WithFault] does from the start. It panics if the fault could never
// do what it says.
func (c *Controller) AddFault(f Fault) {
	f.check()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// ClearFaults ends all faults. Those that have not struck are forgotten, too.
func (c *Controller) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// Unmet returns the faults that have not struck, such as one whose path is misspelt. A test that is about a fault ends
// with
//
//	require.Empty(t, server.Unmet())
//
// or it passes although nothing went wrong.
func (c *Controller) Unmet() []Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	var unmet []Fault
	for _, f := range c.faults {
		if f.matched <= f.Skip {
			unmet = append(unmet, *f)
		}
	}
	return unmet
}

// strikes reports whether the fault is the one for this request, and counts the request if it matches.
func (f *Fault) strikes(r *http.Request) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, r.Method) || !matches(f.Path, r.URL.Path) {
		return false
	}
	f.matched++
	return f.matched > f.Skip && (f.Times == 0 || f.matched <= f.Skip+f.Times)
}

func matches(pattern, p string) bool {
	if pattern == "" {
		return true
	}
	for _, p := range []string{p, withoutVersion(p)} {
		if prefix, ok := strings.CutSuffix(pattern, "..."); ok {
			if strings.HasPrefix(strings.TrimSuffix(p, "/")+"/", prefix) {
				return true
			}
		} else if ok, _ := path.Match(strings.TrimSuffix(pattern, "/"), strings.TrimSuffix(p, "/")); ok {
			return true
		}
	}
	return false
}

// carriesOut reports whether the request is carried out before the client gets anything.
func (f Fault) carriesOut() bool { return f.After || f.Status == 0 && !f.Drop && !f.Hang }

// apply turns the response of the Controller, nil if the request was not carried out, into the one that is sent.
func (f Fault) apply(r *response, c *Controller) *response {
	if f.Status == 0 {
		return r
	}
	r = &response{status: f.Status, contentType: f.ContentType, body: []byte(f.Body)}
	if f.ContentType == "" && f.Body != "" {
		r.contentType = "application/json"
	}
	if !f.Proxy {
		c.mu.Lock()
		r = r.withHeaders(c.versionHeaders())
		c.mu.Unlock()
	}
	return r.withHeaders(f.Header)
}

// withoutVersion cuts the version prefix off a path: "/v2/apps/" is "/apps/".
func withoutVersion(path string) string {
	if rest, ok := strings.CutPrefix(path, "/v"); ok {
		if _, after, ok := strings.Cut(rest, "/"); ok {
			return "/" + after
		}
	}
	return path
}
