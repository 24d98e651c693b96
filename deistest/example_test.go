package deistest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// do sends a request, with a token unless it is empty, and returns the status and body of the response.
func do(client *http.Client, token, method, url, body string) string {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	if token != "" {
		r.Header.Set("Authorization", "token "+token)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", string(text)))
}

func ExampleNewServer() {
	server := deistest.NewServer()
	defer server.Close()

	fmt.Println(do(http.DefaultClient, server.Token, "GET", server.URL+"/v2/apps/example-go/", ""))
	fmt.Println(do(http.DefaultClient, server.Token, "GET", server.URL+"/v2/apps/", ""))
	for _, r := range server.Controller.Requests() {
		fmt.Println(r, r.Status)
	}
	// Output:
	// 404 {"detail":"Not found."}
	// 200 {"count":0,"next":null,"previous":null,"results":[]}
	// GET /v2/apps/example-go/ 404
	// GET /v2/apps/ 200
}

func ExampleNew() {
	controller := deistest.New(deistest.WithAPIVersion(version.V1_6), deistest.WithUser("alice", "wonderland"))
	client := &http.Client{Transport: controller.Transport()} // no network, and nothing to close

	fmt.Println(do(client, "", "POST", "http://deis.test/v1/auth/login/", `{"username": "alice", "password": "queen"}`))
	fmt.Println(do(client, controller.TokenOf("alice"), "GET", "http://deis.test/v1/users/", ""))

	controller.SetAPIVersion(version.V2_2) // an upgrade
	fmt.Println(do(client, controller.TokenOf("alice"), "GET", "http://deis.test/v2/", ""))
	// Output:
	// 400 {"non_field_errors":["Unable to log in with provided credentials."]}
	// 403 {"detail":"You do not have permission to perform this action."}
	// 200 {}
}

func ExampleWithFault() {
	controller := deistest.New(
		// The response to the first POST is lost after the app was created.
		deistest.WithFault(deistest.Fault{Method: "POST", Path: "/apps/", Drop: true, After: true, Times: 1}),
		// The load balancer does not know the Controller yet.
		deistest.WithFault(deistest.Fault{Path: "/users/", Status: 502, Proxy: true, Times: 1}),
	)
	client := &http.Client{Transport: controller.Transport()}
	for range 2 {
		fmt.Println(do(client, controller.Token(), "POST", "http://deis.test/v2/apps/", `{"id": "example-go"}`))
	}
	for range 2 {
		fmt.Println(do(client, controller.Token(), "GET", "http://deis.test/v2/users/?limit=1&offset=1", ""))
	}
	// Output:
	// Post "http://deis.test/v2/apps/": unexpected EOF
	// 400 {"id":["Application with this id already exists."]}
	// 502
	// 200 {"count":1,"next":null,"previous":"http://deis.test/v2/users/?limit=1","results":[]}
}

// A program deploys four times, and each deploy fails in another way.
func ExampleController_AddFault() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	controller := deistest.New(deistest.WithApp("example-go", ""))
	client, err := deis.New("http://deis.test", deis.WithToken(controller.Token()),
		deis.WithTransport(controller.Transport()))
	if err != nil {
		log.Fatal(err)
	}

	for _, fault := range []deistest.Fault{
		{Status: 503, Body: `{"detail": "the scheduler is down"}`},
		{Drop: true},
		{Status: 502, Body: "<h1>502 Bad Gateway</h1>", ContentType: "text/html", Proxy: true},
		{Status: 504, Proxy: true, Late: time.Millisecond}, // the deploy lands after the response
	} {
		fault.Method, fault.Path, fault.Times = "POST", "/apps/*/builds/", 1
		controller.AddFault(fault)
		_, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "acme/example-go:v2"})
		var failed *deis.Error
		if errors.As(err, &failed) {
			fmt.Println(failed.StatusCode, failed.FromController(), failed.MayHaveActed())
		}
	}
	for version := 1; version < 2; { // until the late deploy has made a release
		current, err := client.Releases.Current(ctx, "example-go")
		if err != nil {
			log.Fatal(err)
		}
		version = current.Version
	}

	for _, r := range controller.Requests() {
		if r.Method == "POST" {
			fmt.Println(r, r.Body, r.Status)
		}
	}
	fmt.Println(len(controller.Unmet()), "faults were not triggered")
	// Output:
	// 503 true true
	// 0 false true
	// 502 false true
	// 504 false true
	// POST /v2/apps/example-go/builds/ {"image":"acme/example-go:v2"} 503
	// POST /v2/apps/example-go/builds/ {"image":"acme/example-go:v2"} 0
	// POST /v2/apps/example-go/builds/ {"image":"acme/example-go:v2"} 502
	// POST /v2/apps/example-go/builds/ {"image":"acme/example-go:v2"} 504
	// 0 faults were not triggered
}

func ExampleController_Unmet() {
	controller := deistest.New(
		deistest.WithFault(deistest.Fault{Path: "/apps/", Status: 503, Times: 1}),
		deistest.WithFault(deistest.Fault{Path: "/aps/", Status: 503, Times: 1}), // misspelled
	)
	client := &http.Client{Transport: controller.Transport()}
	do(client, controller.Token(), "GET", "http://deis.test/v2/apps/", "")
	for _, f := range controller.Unmet() {
		fmt.Println("never triggered:", f.Path)
	}
	// Output:
	// never triggered: /aps/
}

func ExampleWithStartDelay() {
	controller := deistest.New(deistest.WithStartDelay(time.Hour)) // takes no time in a synctest bubble
	client := &http.Client{Transport: controller.Transport()}
	do(client, controller.Token(), "POST", "http://deis.test/v2/apps/", `{"id": "example-go"}`)
	do(client, controller.Token(), "POST", "http://deis.test/v2/apps/example-go/builds/", `{"image": "deis/example-go"}`)

	state := func() string {
		body := do(client, controller.Token(), "GET", "http://deis.test/v2/apps/example-go/pods/", "")
		var pods struct{ Results []struct{ State string } }
		json.Unmarshal([]byte(strings.TrimPrefix(body, "200 ")), &pods)
		return pods.Results[0].State
	}
	fmt.Println(state())
	controller.CrashPod("example-go", "cmd.1")
	fmt.Println(state())
	// Output:
	// initializing
	// crashed
}
