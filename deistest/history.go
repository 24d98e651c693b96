package deistest

import (
	"net/http"
	"slices"
)

// A Request is what the Controller remembers of a request. Headers are not kept: they carry tokens.
type Request struct {
	Method string
	Path   string // decoded, with the version prefix
	Query  string // without the question mark
	Body   string // as it was sent, passwords and private keys included
	Status int    // of the response; 0 if there is none yet, or if the connection was dropped
}

// String returns the method, path and query, as in "GET /v2/apps/?limit=2".
func (r Request) String() string {
	if r.Query == "" {
		return r.Method + " " + r.Path
	}
	return r.Method + " " + r.Path + "?" + r.Query
}

// Limits of what a Controller remembers. When either is reached, it forgets the older half of the requests.
const (
	maxRequests  = 20_000
	maxBodyBytes = 64 << 20
)

// Requests returns the requests received so far, in order of arrival, including those that faults made fail. The
// Controller remembers at least the last 10,000 requests, unless their bodies are large.
func (c *Controller) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Request, len(c.requests))
	for i, r := range c.requests {
		list[i] = *r
	}
	return list
}

// receive remembers a request and returns the fault that it triggers, the zero Fault if none.
func (c *Controller) receive(r *http.Request, body []byte) (*Request, Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) == maxRequests || c.bodyBytes > maxBodyBytes {
		for _, forgotten := range c.requests[:len(c.requests)/2] {
			c.bodyBytes -= len(forgotten.Body)
		}
		c.requests = slices.Clone(c.requests[len(c.requests)/2:])
	}
	seen := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body)}
	c.requests = append(c.requests, seen)
	c.bodyBytes += len(seen.Body)
	for _, f := range c.faults {
		if f.isTriggered(r) {
			return seen, *f
		}
	}
	return seen, Fault{}
}
