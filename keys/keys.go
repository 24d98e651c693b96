// Package keys manages the SSH keys that a user may push code with.
//
// Document: "Keys" in both API documents. Everybody sees and changes their own keys only.
package keys

import (
	"context"
	"iter"

	"github.com/deisgo/deis/rest"
)

// Service manages keys. Use it as Client.Keys; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Keys.
func New(client *rest.Client) *Service { return &Service{client} }

// A Key is the public half of an SSH key.
type Key struct {
	ID          string    `json:"id"` // the name that its owner gave it; two keys can have the same
	Owner       string    `json:"owner"`
	Public      string    `json:"public"`      // as in ~/.ssh/id_rsa.pub
	Fingerprint string    `json:"fingerprint"` // MD5, "2f:0f:…"; not in the documents, real Controllers say it
	UUID        string    `json:"uuid"`
	Created     rest.Time `json:"created"`
	Updated     rest.Time `json:"updated"`
}

// CreateParams describe a new key. Both fields are needed.
type CreateParams struct {
	ID     string `json:"id"`
	Public string `json:"public"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// ErrTaken says that somebody has the key already. Match it with errors.Is.
var ErrTaken error = &rest.Reason{
	Message: "the public key is in use",
	Status:  400,
	Wordings: []rest.Wording{
		{Field: "public", Text: "This field must be unique"},
		{Field: "public", Text: "Public Key is already in use"},
	},
}

// List returns one page of the caller's keys.
//
//deis:operation v1.6,v2.2 GET /keys/
func (s *Service) List(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[Key], error) {
	return rest.List[Key](ctx, s.client, rest.Path("keys"), o, opts...)
}

// All ranges over the caller's keys; see rest.All.
func (s *Service) All(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[Key, error] {
	return rest.All[Key](ctx, s.client, rest.Path("keys"), o, opts...)
}

// Create adds a key to the caller's account. The error is ErrTaken if anybody has it; real Controllers of both
// versions answer 500 instead if only the comment behind the key differs.
//
//deis:operation v1.6,v2.2 POST /keys/
func (s *Service) Create(ctx context.Context, p CreateParams, opts ...rest.CallOption) (*Key, error) {
	if err := rest.Path("keys", p.ID).Err(); err != nil { // or it could never be deleted
		return nil, err
	}
	if p.Public == "" {
		return nil, rest.InvalidArgument("public key", "must not be empty")
	}
	return rest.Post[Key](ctx, s.client, rest.Path("keys"), p, opts...)
}

// Delete removes a key from the caller's account. Real Controllers of both versions answer 500 if two of the
// caller's keys have the id.
//
//deis:operation v1.6,v2.2 DELETE /keys/{id}
func (s *Service) Delete(ctx context.Context, id string, opts ...rest.CallOption) error {
	return rest.Delete(ctx, s.client, rest.Path("keys", id).NoSlash(), opts...)
}
