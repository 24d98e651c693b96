// Package users lists the accounts of a Controller.
//
//	for user, err := range client.Users.All(ctx, users.ListOptions{}) {
//		…
//	}
//
// Package auth registers and cancels accounts, package perms makes administrators. API documents: "Users".
package users

import (
	"context"
	"iter"
	"slices"

	"github.com/deisgo/deis/rest"
)

// Service lists users. Use it as Client.Users; it is safe for concurrent use.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Users.
func New(client *rest.Client) *Service { return &Service{client} }

// A User is an account.
type User struct {
	ID              int       `json:"id"` // documented, but not sent by real Controllers: 0
	Username        string    `json:"username" deis:"username"`
	Email           string    `json:"email"`
	FirstName       string    `json:"first_name"`
	LastName        string    `json:"last_name"`
	IsSuperuser     bool      `json:"is_superuser"` // an administrator
	IsStaff         bool      `json:"is_staff"`
	IsActive        bool      `json:"is_active"`
	LastLogin       rest.Time `json:"last_login"` // real Controllers set it at registration and never change it
	DateJoined      rest.Time `json:"date_joined"`
	Groups          []int     `json:"groups"`
	UserPermissions []int     `json:"user_permissions"`
}

// ListOptions choose a page; see rest.ListOptions.
type ListOptions = rest.ListOptions

// List returns one page of all users, in no particular order. Only an administrator may list them.
//
//deis:operation v1.6,v2.2,v2.3 GET /users
func (s *Service) List(ctx context.Context, o ListOptions, opts ...rest.CallOption) (*rest.Page[User], error) {
	at, err := s.path(ctx, o)
	if err != nil {
		return nil, err
	}
	return rest.List[User](ctx, s.client, at, o, opts...)
}

// All ranges over all users; see rest.All.
func (s *Service) All(ctx context.Context, o ListOptions, opts ...rest.CallOption) iter.Seq2[User, error] {
	opts = slices.Clone(opts)
	return func(yield func(User, error) bool) {
		at, err := s.path(ctx, o)
		if err != nil {
			yield(User{}, err)
			return
		}
		rest.All[User](ctx, s.client, at, o, opts...)(yield)
	}
}

// path returns the path with a slash in v1: real v1.6 Controllers respond with 404 to the documented /v1/users. It
// checks the options before it negotiates the version.
func (s *Service) path(ctx context.Context, o ListOptions) (rest.Endpoint, error) {
	if err := o.Check(); err != nil {
		return rest.Endpoint{}, err
	}
	api, err := s.client.Negotiate(ctx)
	if api.Major == 1 {
		return rest.Path("users"), err
	}
	return rest.Path("users").NoSlash(), err
}
