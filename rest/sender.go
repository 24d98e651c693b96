package rest

import (
	"net/http"

	"github.com/deisgo/deis/version"
)

// A sender is where a response came from. Every response of a Controller names its API version, errors included. So a
// client that has seen one such response knows that one without a version is not the Controller's.
type sender int

const (
	unknown         sender = iota // the response names no version, and the client has not seen yet whether the Controller does
	somebodyElse                  // the response names no version: it is from a gateway, a sign-in page or a load balancer
	controller                    // the response names the major version that the call speaks
	otherController               // the response names another major version: the Controller was upgraded
)

// sender returns the sender of a response, which shouldRetry has observed already.
func (c *call) sender(resp *http.Response) sender {
	said := first(resp.Header[versionKey])
	api, err := version.Parse(said)
	_, seen := c.client.Server()
	switch {
	case err == nil && (c.probe || api.Major == c.api.Major):
		return controller
	case err == nil:
		return otherController
	case c.probe, seen, said != "", resp.StatusCode/100 == 3, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode == 499, resp.StatusCode > 511:
		return somebodyElse // no Controller gives such a status
	}
	return unknown
}

// succeeded reports whether a response can mean success. If its sender is unknown, only the statuses with which real
// Controllers report success can.
func (s sender) succeeded(resp *http.Response) bool {
	switch s {
	case controller:
		return resp.StatusCode/100 == 2
	case unknown:
		return resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusCreated || resp.StatusCode == http.StatusNoContent
	}
	return false
}

// The version headers in the form in which http.Header keeps keys.
var (
	versionKey  = http.CanonicalHeaderKey(version.Header)
	platformKey = http.CanonicalHeaderKey(version.PlatformHeader)
)

// observe remembers what a response says about the Controller. If the version has changed, the next calls follow it:
// another minor version is spoken at once; another major version (the Controller was upgraded) makes the next call
// negotiate again.
func (c *Client) observe(header http.Header) {
	api, err := version.Parse(first(header[versionKey]))
	if err != nil {
		return
	}
	server := Server{API: api, Platform: first(header[platformKey])}
	n := c.negotiated
	if known := n.server.Load(); known != nil && *known == server {
		return
	}
	kept := server // a copy, so that server itself stays off the heap
	n.server.Store(&kept)
	if agreed := n.api.Load(); agreed != nil {
		if now, err := version.Negotiate(api); err == nil && now.Major == agreed.Major {
			n.api.CompareAndSwap(agreed, &now)
		} else {
			n.api.CompareAndSwap(agreed, nil)
		}
	}
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
