package deistest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// The tables in *_validate_test.go check the rules with inputs: the body that is sent, and the responses of API 1.6,
// 2.2 and 2.3.

// A fieldInput is a body and the response to it in each version: the status and a part of the response's body. "-" skips
// the version.
type fieldInput struct {
	body             string
	v1_6, v2_2, v2_3 string
}

// validate sends each input to a new Controller of each version as the administrator, after the preparations.
func validate(t *testing.T, request string, preparations []string, inputs []fieldInput) {
	for _, in := range inputs {
		for api, want := range map[version.API]string{version.V1_6: in.v1_6, version.V2_2: in.v2_2, version.V2_3: in.v2_3} {
			if want == "-" {
				continue
			}
			t.Run(api.String()+" "+in.body, func(t *testing.T) {
				c := deistest.New(deistest.WithAPIVersion(api), deistest.WithUser("alice", "pw"),
					deistest.WithNodeLabels(map[string]string{"rack": "1", "environ": "dev"}))
				for _, p := range preparations {
					status, body := send(t, c, p)
					require.Less(t, status, 300, "%s: %s", p, body)
				}
				status, body := send(t, c, request+" "+in.body)
				wantStatus, wantText, _ := strings.Cut(want, " ")
				assert.Equal(t, wantStatus, strconv.Itoa(status), body)
				assert.Contains(t, strings.ReplaceAll(body, `\"`, `"`), wantText)
			})
		}
	}
}

// send sends a request, "METHOD path body" with a path without the version, as the administrator.
func send(t *testing.T, c *deistest.Controller, request string) (status int, body string) {
	words := append(strings.SplitN(request, " ", 3), "")
	if strings.Contains(words[2], "\"<") {
		for name, pem := range certificates(t) {
			words[2] = strings.ReplaceAll(words[2], `"<`+name+`>"`, fmt.Sprintf("%q", pem))
		}
	}
	return call(t, c, "admin", words[0], prefix(c.APIVersion())+words[1], words[2])
}

// These refusals are the same for many fields.
const (
	required  = "400 This field is required."
	notBlank  = "400 This field may not be blank."
	notNull   = "400 This field may not be null."
	notText   = "400 Not a valid string."
	notUnique = "400 This field must be unique."
	crash     = "500 Server Error"
	notObject = "400 Invalid data. Expected a dictionary, but got "
)

func atMost(n int) string {
	return fmt.Sprintf("400 Ensure this field has no more than %d characters.", n)
}

// long returns a text of n characters.
func long(n int) string { return strings.Repeat("a", n) }

const anApp = `POST /apps/ {"id": "example-go"}`

// builtApp has a web and a worker process in its Procfile, and runs cmd.
var builtApp = []string{anApp, `POST /apps/example-go/builds/ {"image": "a/b:1", "procfile": {"web": "x", "worker": "y"}}`}
