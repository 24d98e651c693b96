// Package certs manages the TLS certificates of apps' domains.
//
//	cert, err := client.Certs.Create(ctx, certs.CreateParams{Name: "www", Certificate: pem, Key: key})
//	…
//	err = client.Certs.Attach(ctx, "www", "www.example.com")
//
// API documents: "Certificates". In v1.6 a certificate is named by its common name and serves the domain of that name.
// In 2.x it has a name of its own and is attached to domains.
package certs

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages certificates. Use it as Client.Certs; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Certs.
func New(client *rest.Client) *Service { return &Service{client} }

// A Cert is a certificate that the Controller has. No response contains its private key.
type Cert struct {
	ID         int       `json:"id"`
	Owner      string    `json:"owner"`
	Name       string    `json:"name" deis:"certs"` // identifies it in all methods; in v1.6 the common name
	CommonName string    `json:"common_name"`
	Expires    rest.Time `json:"expires"`
	Created    rest.Time `json:"created"`
	Updated    rest.Time `json:"updated"`

	// These fields are 2.x only.
	Starts      rest.Time `json:"starts"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, "7A:CA:…"
	Issuer      string    `json:"issuer"`      // "/C=US/…/CN=bar.com"
	Subject     string    `json:"subject"`
	SAN         []string  `json:"san"`     // subject alternative names, if any
	Domains     []string  `json:"domains"` // the domains that it is attached to
}

// UnmarshalJSON reads a certificate of any version. It names one of v1.6 by its common name, and cleans the fingerprint
// in the response to Create, b'7A:CA:…' on real 2.x Controllers before Workflow v2.22.
func (c *Cert) UnmarshalJSON(data []byte) error {
	type plain Cert
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = c.CommonName
	}
	if bytesText, ok := strings.CutPrefix(c.Fingerprint, "b'"); ok {
		c.Fingerprint = strings.TrimSuffix(bytesText, "'")
	}
	return nil
}

// CreateParams describe a new certificate. Neither their printed form nor their JSON shows the key.
type CreateParams struct {
	// Name is required in 2.x: a-z, 0-9 and -, at most 253 characters. Leave it empty in v1.6: there it would replace
	// the certificate's common name, and the certificate would serve the domain of that name.
	Name        string `json:"name"`
	Certificate string `json:"certificate"` // PEM, with its chain if any
	Key         string `json:"-"`           // PEM, the private key
}

// String shows the parameters without the key.
func (p CreateParams) String() string {
	return fmt.Sprintf("{Name:%s Certificate:%d bytes Key:[redacted]}", p.Name, len(p.Certificate))
}

// GoString does the same for %#v.
func (p CreateParams) GoString() string { return "certs.CreateParams" + p.String() }

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrExists means that a certificate of that name exists already, whoever owns it. Match it with errors.Is. If no name
// was given, real v1.6 Controllers respond with 500 instead.
var ErrExists error = &rest.Reason{
	Message: "a certificate with this name exists",
	Status:  400,
	Wordings: []rest.Wording{
		{Field: "common_name", Text: "This field must be unique"},
		{Field: "name", Text: "certificate with this name already exists"},
	},
}

// List returns one page of the caller's certificates.
//
//deis:operation v1.6,v2.2,v2.3 GET /certs
func (s *Service) List(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[Cert], error) {
	return rest.List[Cert](ctx, s.client, rest.Path("certs").NoSlash(), o, opts...)
}

// All ranges over the caller's certificates; see rest.All.
func (s *Service) All(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[Cert, error] {
	return rest.All[Cert](ctx, s.client, rest.Path("certs").NoSlash(), o, opts...)
}

// Get returns one certificate. If there is no certificate of that name, real v1.6 Controllers respond with 500.
//
//deis:operation v1.6,v2.2,v2.3 GET /certs/{name}
func (s *Service) Get(ctx context.Context, name string, opts ...rest.CallOption) (*Cert, error) {
	return rest.Get[Cert](ctx, s.client, rest.Path("certs", name).NoSlash(), opts...)
}

// Create gives the Controller a certificate and its private key. No real Controller checks that the two belong
// together, and those before Workflow v2.10 do not check the key at all. The error matches ErrExists if the name is
// taken. Before API 2.3 the response to a certificate without a common name is 500. A private key in p.Certificate is
// refused and not sent.
//
//deis:operation v1.6,v2.2,v2.3 POST /certs/
func (s *Service) Create(ctx context.Context, p CreateParams, opts ...rest.CallOption) (*Cert, error) {
	switch {
	case p.Certificate == "":
		return nil, rest.InvalidArgument("certificate", "must not be empty")
	case strings.Contains(p.Certificate, "PRIVATE KEY"):
		return nil, rest.InvalidArgument("certificate", "must not have a private key in it: put that into Key")
	case p.Key == "":
		return nil, rest.InvalidArgument("key", "must not be empty")
	}
	if p.Name != "" {
		if err := rest.Path("certs", p.Name).Err(); err != nil { // or it could never be deleted
			return nil, err
		}
	}
	api, err := s.client.Negotiate(ctx)
	if err != nil {
		return nil, err
	}
	request := createRequest{Name: p.Name, Certificate: p.Certificate, Key: p.Key}
	if api.Major == 1 {
		request.Name, request.CommonName = "", p.Name
	} else if p.Name == "" {
		return nil, rest.InvalidArgument("certificate name", "must not be empty in API 2.x")
	}
	return rest.Post[Cert](ctx, s.client, rest.Path("certs"), request, append(slices.Clone(opts), rest.WithSecrets(p.Key))...)
}

type createRequest struct {
	Name        string `json:"name,omitempty"`        // 2.x
	CommonName  string `json:"common_name,omitempty"` // v1.6
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Delete destroys a certificate and detaches it from its domains. If there is no certificate of that name, real v1.6
// Controllers respond with 500.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /certs/{name}
func (s *Service) Delete(ctx context.Context, name string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("certs", name).NoSlash(), opts...)
}

// Attach makes a domain use a certificate. If the domain has one already, the response is 409, rest.ErrConflict. A 500
// from a real 2.2 Controller means that the domain was attached anyway. API 2.x only: in v1.6 the error is a
// *version.UnsupportedError.
//
// The request goes to /certs/{name}/domain/: real 2.x Controllers do not have the documented /domains/.
//
//deis:operation v2.2 POST /certs/{name}/domains/
//deis:operation v2.3 POST /certs/{name}/domain/
func (s *Service) Attach(ctx context.Context, name, domain string, opts ...rest.CallOption) error {
	if err := rest.Path("certs", name, "domain", domain).Err(); err != nil {
		return err
	}
	if err := s.client.Require(ctx, "attaching a certificate", version.V2); err != nil {
		return err
	}
	_, err := rest.Post[struct{}](ctx, s.client, rest.Path("certs", name, "domain"), struct {
		Domain string `json:"domain"`
	}{domain}, opts...)
	return err
}

// Detach makes a domain stop using a certificate; the certificate stays. Pass the certificate that the domain has: with
// any other name, real 2.x Controllers detach the domain as well. A 503 from a real 2.x Controller means that the domain
// was detached anyway. API 2.x only: in v1.6 the error is a *version.UnsupportedError.
//
// The request goes to /certs/{name}/domain/{domain}: for the documented /domains/ real 2.2 Controllers destroy the whole
// certificate, and servers since Workflow v2.7 do not know the path with a trailing slash.
//
//deis:operation v2.2 DELETE /certs/{name}/domains/{domain}/
//deis:operation v2.3 DELETE /certs/{name}/domain/{domain}
func (s *Service) Detach(ctx context.Context, name, domain string, opts ...rest.CallOption) error {
	at := rest.Path("certs", name, "domain", domain).NoSlash()
	if err := at.Err(); err != nil {
		return err
	}
	if err := s.client.Require(ctx, "detaching a certificate", version.V2); err != nil {
		return err
	}
	return rest.Delete(ctx, s.client, at, opts...)
}
