package deistest

import (
	"net/http"
	"slices"
)

// A Request is what the Controller remembers of a request. Bodies and headers are not kept: they carry secrets.
type Request struct {
	Method string
	Path   string // decoded, with the version prefix
	Query  string // without the question mark
	Status int    // of the answer; 0 if there is none: not yet, or the connection was dropped
}

// String returns method, path and query as on the request line, "GET /v2/apps/?limit=2".
func (r Request) String() string {
	if r.Query == "" {
		return r.Method + " " + r.Path
	}
	return r.Method + " " + r.Path + "?" + r.Query
}

// maxRequests bounds the memory of a Controller that runs for long. When it is reached, the older half is forgotten.
const maxRequests = 20_000

// Requests returns the requests received so far, in order of arrival, those that were made to fail included. It
// remembers the last 10,000 at least.
func (c *Controller) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Request, len(c.requests))
	for i, r := range c.requests {
		list[i] = *r
	}
	return list
}

// receive remembers a request and finds the fault that it meets, the zero Fault if none.
func (c *Controller) receive(r *http.Request) (*Request, Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) == maxRequests {
		c.requests = slices.Clone(c.requests[maxRequests/2:])
	}
	seen := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	c.requests = append(c.requests, seen)
	for _, f := range c.faults {
		if f.meets(r) {
			return seen, *f
		}
	}
	return seen, Fault{}
}
