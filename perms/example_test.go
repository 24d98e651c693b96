package perms_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/perms"
)

func ExampleService_Grant() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithUser("alice", "correct horse"))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"}); err != nil {
		log.Fatal(err)
	}

	if err := client.Perms.Grant(ctx, "example-go", "alice"); err != nil {
		log.Fatal(err)
	}
	names, err := client.Perms.List(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(names)
	if err := client.Perms.Revoke(ctx, "example-go", "alice"); err != nil {
		log.Fatal(err)
	}
	// Output: [alice]
}

func ExampleService_AllAdmins() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithUser("alice", "correct horse"))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	if err := client.Perms.GrantAdmin(ctx, "alice"); err != nil {
		log.Fatal(err)
	}
	for admin, err := range client.Perms.AllAdmins(ctx, perms.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(admin.Username)
	}
	// Unordered output:
	// admin
	// alice
}
