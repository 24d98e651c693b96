// Package tls manages whether an app is reachable by HTTPS only.
//
//	if _, err := client.TLS.Enforce(ctx, "example-go", true); err != nil && !errors.Is(err, tls.ErrUnchanged) {
//		…
//	}
//
// API 2.3 only: on an older Controller every method returns a *version.UnsupportedError and sends nothing. The API
// documents do not describe it; the methods follow recordings of a real Controller. Package certs manages certificates.
package tls

import (
	"context"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages whether HTTPS is enforced. Use it as Client.TLS; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.TLS.
func New(client *rest.Client) *Service { return &Service{client} }

// A TLS says whether an app is reachable by HTTPS only.
type TLS struct {
	App           string    `json:"app" deis:"apps,part"`
	Owner         string    `json:"owner"`          // who made the last change
	HTTPSEnforced bool      `json:"https_enforced"` // requests by HTTP are redirected
	UUID          string    `json:"uuid" deis:"uuid,part"`
	Created       rest.Time `json:"created"`
	Updated       rest.Time `json:"updated"`
}

// ErrUnchanged means that HTTPS enforcement is already as requested. Match it with errors.Is.
var ErrUnchanged error = &rest.Reason{
	Message:  "HTTPS enforcement is unchanged",
	Status:   409,
	Wordings: []rest.Wording{{Text: "changed nothing"}},
}

// Get returns whether an app is reachable by HTTPS only.
//
//deis:operation v2.3 GET /apps/{app}/tls/
func (s *Service) Get(ctx context.Context, app string, opts ...rest.CallOption) (*TLS, error) {
	at := rest.Path("apps", app, "tls")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	return rest.Get[TLS](ctx, s.client, at, opts...)
}

// Enforce makes an app reachable by HTTPS only or, if enforce is false, by HTTP as well. The error matches ErrUnchanged
// if it is so already. If Kubernetes fails, real Controllers respond with 503.
//
//deis:operation v2.3 POST /apps/{app}/tls/
func (s *Service) Enforce(ctx context.Context, app string, enforce bool, opts ...rest.CallOption) (*TLS, error) {
	at := rest.Path("apps", app, "tls")
	if err := s.require(ctx, at); err != nil {
		return nil, err
	}
	return rest.Post[TLS](ctx, s.client, at, struct {
		HTTPSEnforced bool `json:"https_enforced"`
	}{enforce}, opts...)
}

// require refuses a Controller whose version does not have HTTPS enforcement.
func (s *Service) require(ctx context.Context, at rest.Endpoint) error {
	return s.client.RequireAt(ctx, at, "enforcing HTTPS", version.V2_3)
}
