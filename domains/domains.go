// Package domains manages the host names that route to an app.
//
//	domain, err := client.Domains.Create(ctx, "example-go", "www.example.com")
//	…
//	err = client.Domains.Delete(ctx, "example-go", "www.example.com")
//
// API documents: "Domains". A new app has no domain in v1.6; real 2.x Controllers give it one that equals its id.
// Wildcard domains ("*.example.com") are 2.x only.
package domains

import (
	"context"
	"iter"
	"strings"
	"unicode"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages domains. Use it as Client.Domains; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Domains.
func New(client *rest.Client) *Service { return &Service{client} }

// A Domain is a host name that routes to one app.
type Domain struct {
	App     string    `json:"app" deis:"apps,part"`
	Domain  string    `json:"domain" deis:"domain"` // in ASCII: an international name is "xn--…"
	Owner   string    `json:"owner"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrTaken means that the domain routes to an app already, this one or another. Match it with errors.Is.
var ErrTaken error = &rest.Reason{
	Message: "the domain is in use",
	Status:  400,
	Wordings: []rest.Wording{
		{Field: "domain", Text: "This field must be unique"},
		{Field: "domain", Text: "Domain is already in use"},
		{Field: "domain", Text: "is already in use by another app"}, // in another spelling: with a trailing dot, international or in upper case
	},
}

// List returns one page of an app's domains.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/domains/
func (s *Service) List(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) (*rest.Page[Domain], error) {
	return rest.List[Domain](ctx, s.client, rest.Path("apps", app, "domains"), o, opts...)
}

// All ranges over an app's domains; see rest.All.
func (s *Service) All(ctx context.Context, app string, o ListOptions, opts ...rest.CallOption) iter.Seq2[Domain, error] {
	return rest.All[Domain](ctx, s.client, rest.Path("apps", app, "domains"), o, opts...)
}

// Create routes a domain to an app. A leading "*." makes it a wildcard. The error matches ErrTaken if the domain is in
// use. A domain has at most 255 characters in v1.6, 253 in 2.x. v1.6 Controllers refuse wildcards and international
// names with 400.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/domains/
func (s *Service) Create(ctx context.Context, app, domain string, opts ...rest.CallOption) (*Domain, error) {
	if err := rest.Check("apps/*/domains/*", strings.Map(asASCII, domain)); err != nil { // a name that cannot stand in a path could never be deleted
		return nil, err
	}
	return rest.Post[Domain](ctx, s.client, rest.Path("apps", app, "domains"), createRequest{domain}, opts...)
}

// asASCII replaces the letters of an international name, which real 2.x Controllers convert to ASCII.
func asASCII(r rune) rune {
	if r > unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)) {
		return 'x'
	}
	return r
}

type createRequest struct {
	Domain string `json:"domain"`
}

// Delete removes a domain from an app. If the app has no such domain, real v1.6 Controllers respond with 500. An
// international name must be in ASCII, as in Domain.Domain. A wildcard is 2.x only: in v1.6 the error is a
// *version.UnsupportedError.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /apps/{app}/domains/{domain}
func (s *Service) Delete(ctx context.Context, app, domain string, opts ...rest.CallOption) error {
	at := rest.Path("apps", app, "domains", domain).NoSlash()
	if at.Err() == nil && strings.HasPrefix(domain, "*") {
		if err := s.client.Require(ctx, "a wildcard domain", version.V2); err != nil {
			return err
		}
	}
	return rest.Delete(ctx, s.client, at, opts...)
}
