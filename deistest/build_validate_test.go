package deistest_test

import "testing"

func TestBuildFields(t *testing.T) {
	const (
		types   = "400 Process types can only contain lowercase alphanumeric characters"
		command = "400 Command can't be empty for process type"
	)
	validate(t, "POST /apps/example-go/builds/", []string{anApp}, []fieldInput{
		{`{"image": "a/b:1"}`, `201 "image":"a/b:1"`, `201 "image":"a/b:1"`, `201 "image":"a/b:1"`},
		{`{"image": " a/b "}`, `201 "image":" a/b "`, `201 "image":"a/b"`, `201 "image":"a/b"`},
		{`{"image": 5}`, `201 "image":"5"`, `201 "image":"5"`, `201 "image":"5"`},
		{`{"image": "` + long(256) + `"}`, "201", "201", "201"},
		{`{"image": "` + long(257) + `"}`, atMost(256), "201", "201"},
		{`{"image": true}`, `201 "image":"True"`, notText, notText},
		{`{"image": ["a"]}`, "201", notText, notText},
		{`{"image": ""}`, notBlank, notBlank, notBlank},
		{`{"image": " "}`, "201", notBlank, notBlank},
		{`{"image": null}`, notNull, notNull, notNull},
		{`{}`, required, required, required},
		{`{"image": "deis/controller"}`, "201", "400 Repository name deis/controller is not allowed", "400 Repository name deis/controller is not allowed"},
		{`{"image": "x", "sha": "` + long(40) + `", "procfile": {"web": "x"}}`, "201", "201", "201"},
		{`{"image": "x", "sha": "` + long(41) + `"}`, atMost(40), atMost(40), atMost(40)},
		{`{"image": "x", "sha": ""}`, "201", "201", "201"},
		{`{"image": "x", "sha": null}`, notNull, notNull, notNull},
		{`{"image": "x", "dockerfile": "FROM x"}`, "201", "201", "201"},
		{`{"image": "x", "dockerfile": null}`, notNull, notNull, notNull},
		{`{"image": "x", "dockerfile": [1]}`, "201", notText, notText},
		{`{"image": "x", "procfile": {"web": "x"}}`, "201", "201", "201"},
		{`{"image": "x", "procfile": {"cron-job": "x"}}`, "201", "201", "201"},
		{`{"image": "x", "procfile": {"Web Odd": "", "web": "x"}}`, "201", "201", "400"},
		{`{"image": "x", "procfile": {"a_b": "x"}}`, "201", "201", types},
		{`{"image": "x", "procfile": {"a-": "x"}}`, "201", "201", types},
		{`{"image": "x", "procfile": {"Web": "x"}}`, "201", "201", types},
		{`{"image": "x", "procfile": {"web": ""}}`, "201", "201", command},
		{`{"image": "x", "procfile": {"web": null}}`, "201", "201", command},
		{`{"image": "x", "procfile": {}}`, "201", "201", "201"},
		{`{"image": "x", "procfile": ["web"]}`, "201", crash, crash},
		{`{"image": "x", "procfile": "web: x"}`, crash16, crash, crash},
		{`{"image": "x", "procfile": "{\"web\": \"x\"}"}`, "201", "201", "201"},
		{`{"image": "x", "procfile": null}`, notNull, notNull, notNull},
		{`{"image": "x", "owner": "alice", "app": "other"}`, `201 "app":"example-go"`, `201 "app":"example-go"`, `201 "app":"example-go"`},
		{`[1]`, crash16, crash, crash},
	})
}
