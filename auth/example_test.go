package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

func ExampleService_Register() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL) // no token is needed
	if err != nil {
		log.Fatal(err)
	}

	for range 2 {
		user, err := client.Auth.Register(ctx, auth.RegisterParams{
			Username: "alice", Password: "correct horse", Email: "alice@example.com",
		})
		switch {
		case errors.Is(err, auth.ErrUsernameTaken):
			fmt.Println("choose another name")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("welcome,", user.Username)
		}
	}
	// Output:
	// welcome, alice
	// choose another name
}

func ExampleService_Login() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithUser("alice", "correct horse"))
	defer srv.Close()
	client, err := deis.New(srv.URL)
	if err != nil {
		log.Fatal(err)
	}

	if _, err := client.Auth.Login(ctx, "alice", "battery staple"); errors.Is(err, auth.ErrInvalidCredentials) {
		fmt.Println("wrong username or password")
	}
	token, err := client.Auth.Login(ctx, "alice", "correct horse")
	if err != nil {
		log.Fatal(err)
	}
	client, err = client.With(deis.WithToken(token)) // deis.Login does both
	if err != nil {
		log.Fatal(err)
	}
	user, err := client.Auth.Whoami(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Username)
	// Output:
	// wrong username or password
	// alice
}

func ExampleService_RegenerateToken() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	token, err := client.Auth.RegenerateToken(ctx, auth.TokenParams{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Auth.Whoami(ctx)
	fmt.Println("old token unauthorized:", errors.Is(err, deis.ErrUnauthorized))

	client, err = client.With(deis.WithToken(token))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Auth.Whoami(ctx)
	fmt.Println("new token:", err)
	// Output:
	// old token unauthorized: true
	// new token: <nil>
}

func ExampleService_Whoami() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithAPIVersion(version.V1_6))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.Auth.Whoami(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		fmt.Println(err)
	}
	// Output:
	// deis: API 2.2 is needed for whoami, but the Controller speaks 1.6
}
