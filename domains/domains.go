// Package domains manages the host names that route to an app.
//
//	domain, err := client.Domains.Create(ctx, "example-go", "www.example.com")
//	…
//	err = client.Domains.Delete(ctx, "example-go", "www.example.com")
//
// Document: "Domains" in both API documents. A new app has no domain in v1.6; real 2.2 Controllers give it one, equal
// to its id. Wildcard domains ("*.example.com") are for 2.x only.
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

// New returns a service on a client of one's own. Programs use Client.Domains.
func New(client *rest.Client) *Service { return &Service{client} }

// A Domain is a host name that routes to one app.
type Domain struct {
	App     string    `json:"app" deis:"apps,part"`
	Domain  string    `json:"domain" deis:"domain"` // in ASCII form: real Controllers write "xn--…" for an international name
	Owner   string    `json:"owner"`
	Created rest.Time `json:"created"`
	Updated rest.Time `json:"updated"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrTaken says that the domain routes to some app already, this one or another. Match it with errors.Is.
var ErrTaken error = &rest.Reason{
	Message: "the domain is in use",
	Status:  400,
	Wordings: []rest.Wording{
		{Field: "domain", Text: "This field must be unique"},
		{Field: "domain", Text: "Domain is already in use"},
		{Field: "domain", Text: "is already in use by another app"}, // written otherwise: with a dot at its end, or international
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

// Create routes a domain to an app. A leading "*." makes it a wildcard (API 2.x only).
// The error matches ErrTaken if the domain is in use.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/domains/
func (s *Service) Create(ctx context.Context, app, domain string, opts ...rest.CallOption) (*Domain, error) {
	if err := rest.Check("apps/*/domains/*", strings.Map(asASCII, domain)); err != nil { // or it could never be deleted
		return nil, err
	}
	return rest.Post[Domain](ctx, s.client, rest.Path("apps", app, "domains"), createRequest{domain}, opts...)
}

// asASCII stands in for the conversion of an international name, which real 2.x Controllers make.
func asASCII(r rune) rune {
	if r > unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)) {
		return 'x'
	}
	return r
}

type createRequest struct {
	Domain string `json:"domain"`
}

// Delete takes a domain from an app. Real v1.6 Controllers respond with 500 if the app has no such domain.
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
