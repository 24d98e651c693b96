// Package keys manages the SSH keys that a user may push code with.
//
//	public, err := os.ReadFile("id_ed25519.pub")
//	…
//	key, err := client.Keys.Create(ctx, keys.CreateParams{ID: "laptop", Public: string(public)})
//
// API documents: "Keys". All methods are about the caller's own keys.
package keys

import (
	"context"
	"iter"
	"strings"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages keys. Use it as Client.Keys; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Keys.
func New(client *rest.Client) *Service { return &Service{client} }

// A Key is the public half of an SSH key.
type Key struct {
	ID          string    `json:"id" deis:"keys"` // its name, chosen by its owner; before Workflow v2.7 two keys can have the same
	Owner       string    `json:"owner"`
	Public      string    `json:"public"`      // as in ~/.ssh/id_rsa.pub
	Fingerprint string    `json:"fingerprint"` // MD5, "2f:0f:…"; undocumented, but sent by real Controllers
	UUID        string    `json:"uuid" deis:"uuid,part"`
	Created     rest.Time `json:"created"`
	Updated     rest.Time `json:"updated"`
}

// CreateParams describe a new key. Both fields are required.
type CreateParams struct {
	ID     string `json:"id"`     // a name for the key, at most 128 characters
	Public string `json:"public"` // the content of id_ed25519.pub
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrTaken means that the key belongs to some user already or, since Workflow v2.7, that its id does. Match it with
// errors.Is.
var ErrTaken error = &rest.Reason{
	Message: "the public key, or its id, is in use",
	Status:  400,
	Wordings: []rest.Wording{
		{Field: "public", Text: "This field must be unique"},
		{Field: "public", Text: "Public Key is already in use"},
		{Field: "id", Text: "SSH Key with this id already exists"},
	},
}

// List returns one page of the caller's keys.
//
//deis:operation v1.6,v2.2,v2.3 GET /keys/
func (s *Service) List(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[Key], error) {
	return rest.List[Key](ctx, s.client, rest.Path("keys"), o, opts...)
}

// All ranges over the caller's keys; see rest.All.
func (s *Service) All(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[Key, error] {
	return rest.All[Key](ctx, s.client, rest.Path("keys"), o, opts...)
}

// Get returns one of the caller's keys. API 2.3 and newer: in older versions the error is a *version.UnsupportedError.
//
//deis:operation v2.3 GET /keys/{id}
func (s *Service) Get(ctx context.Context, id string, opts ...rest.CallOption) (*Key, error) {
	at := rest.Path("keys", id).NoSlash()
	if err := s.client.RequireAt(ctx, at, "getting one key", version.V2_3); err != nil {
		return nil, err
	}
	return rest.Get[Key](ctx, s.client, at, opts...)
}

// Create adds a key to the caller's account. The error matches ErrTaken if any user has it. If the caller has it with
// another comment, real Controllers of all versions respond with 500. A private key is refused and not sent.
//
//deis:operation v1.6,v2.2,v2.3 POST /keys/
func (s *Service) Create(ctx context.Context, p CreateParams, opts ...rest.CallOption) (*Key, error) {
	if err := rest.Path("keys", p.ID).Err(); err != nil { // a key whose id cannot stand in a path could never be deleted
		return nil, err
	}
	switch {
	case p.Public == "":
		return nil, rest.InvalidArgument("public key", "must not be empty")
	case strings.Contains(p.Public, "PRIVATE KEY"), strings.Contains(p.Public, "PuTTY-User-Key-File"):
		return nil, rest.InvalidArgument("public key", "must not be a private key: use the file that ends in .pub")
	}
	return rest.Post[Key](ctx, s.client, rest.Path("keys"), p, opts...)
}

// Delete removes a key from the caller's account. If two of the caller's keys have the id, real Controllers before
// Workflow v2.7 respond with 500.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /keys/{id}
func (s *Service) Delete(ctx context.Context, id string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("keys", id).NoSlash(), opts...)
}
