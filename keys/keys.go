// Package keys manages the SSH keys that a user may push code with.
//
//	public, err := os.ReadFile("id_ed25519.pub")
//	…
//	key, err := client.Keys.Create(ctx, keys.CreateParams{ID: "laptop", Public: string(public)})
//
// Document: "Keys" in both API documents. Everybody sees and changes their own keys only.
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

// New returns a service on a client of one's own. Programs use Client.Keys.
func New(client *rest.Client) *Service { return &Service{client} }

// A Key is the public half of an SSH key.
type Key struct {
	ID          string    `json:"id" deis:"keys"` // the name that its owner gave it; before Workflow v2.7 two keys can have the same
	Owner       string    `json:"owner"`
	Public      string    `json:"public"`      // as in ~/.ssh/id_rsa.pub
	Fingerprint string    `json:"fingerprint"` // MD5, "2f:0f:…"; not in the documents, real Controllers say it
	UUID        string    `json:"uuid" deis:"uuid,part"`
	Created     rest.Time `json:"created"`
	Updated     rest.Time `json:"updated"`
}

// CreateParams describe a new key. Both fields are needed.
type CreateParams struct {
	ID     string `json:"id"`
	Public string `json:"public"` // what stands in id_ed25519.pub
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrTaken says that somebody has the key already or, since Workflow v2.7, another key of that id. Match it with errors.Is.
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

// Get returns one of the caller's keys. API 2.3 and newer: the error is a *version.UnsupportedError before.
//
//deis:operation v2.3 GET /keys/{id}
func (s *Service) Get(ctx context.Context, id string, opts ...rest.CallOption) (*Key, error) {
	at := rest.Path("keys", id).NoSlash()
	if err := s.client.RequireAt(ctx, at, "getting one key", version.V2_3); err != nil {
		return nil, err
	}
	return rest.Get[Key](ctx, s.client, at, opts...)
}

// Create adds a key to the caller's account. The error matches ErrTaken if anybody has it; real Controllers of all
// versions respond with 500 if only the comment behind a key of the caller's differs. A private key is refused, and not
// sent.
//
//deis:operation v1.6,v2.2,v2.3 POST /keys/
func (s *Service) Create(ctx context.Context, p CreateParams, opts ...rest.CallOption) (*Key, error) {
	if err := rest.Path("keys", p.ID).Err(); err != nil { // or it could never be deleted
		return nil, err
	}
	switch {
	case p.Public == "":
		return nil, rest.InvalidArgument("public key", "must not be empty")
	case strings.Contains(p.Public, "PRIVATE KEY"), strings.Contains(p.Public, "PuTTY-User-Key-File"):
		return nil, rest.InvalidArgument("public key", "must not be the private half: use the file that ends in .pub")
	}
	return rest.Post[Key](ctx, s.client, rest.Path("keys"), p, opts...)
}

// Delete removes a key from the caller's account. Controllers before Workflow v2.7 respond with 500 if two of the
// caller's keys have the id.
//
//deis:operation v1.6,v2.2,v2.3 DELETE /keys/{id}
func (s *Service) Delete(ctx context.Context, id string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("keys", id).NoSlash(), opts...)
}
