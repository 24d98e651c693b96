package users_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/users"
)

func ExampleService_All() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithUser("alice", "correct horse"))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	for user, err := range client.Users.All(ctx, users.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(user.Username, user.IsSuperuser)
	}
	// Unordered output:
	// admin true
	// alice false
}
