package deistest_test

import "testing"

func TestAppIDs(t *testing.T) {
	const (
		chars16 = "400 App IDs can only contain [a-z0-9-]."
		chars22 = "400 App name can only contain a-z (lowercase), 0-9 and hyphens"
		chars23 = "400 App name must start with an alphabetic character, cannot end with a hyphen and can only contain"
		only16  = `400 {"id":["App IDs can only contain [a-z0-9-]."]}` // a slug, but not an id
		both16  = chars16 + `","Enter a valid 'slug' consisting of letters, numbers, underscores or hyphens.`
		both22  = chars22 + `","Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.`
		both23  = chars23 + ` a-z (lowercase), 0-9 and hyphens.","Enter a valid "slug" consisting of letters`
		slug    = `400 {"id":["Enter a valid "slug" consisting of letters, numbers, underscores or hyphens."]}`
		taken   = "400 Application with this id already exists."
		kube503 = "503 Kubernetes resources could not be created"
	)
	validate(t, "POST /apps/", []string{anApp}, []fieldInput{
		{`{"id": "b"}`, `201 "id":"b"`, `201 "id":"b"`, `201 "id":"b"`},
		{`{"id": "a--b"}`, "201", "201", "201"},
		{`{"id": "1abc"}`, "201", "201", chars23},
		{`{"id": 1.50}`, both16, both22, both23},
		{`{"id": 123}`, `201 "id":"123"`, `201 "id":"123"`, chars23},
		{`{"id": "-abc"}`, "201", kube503, chars23},
		{`{"id": "abc-"}`, "201", kube503, chars23},
		{`{"id": "-"}`, "201", "409 - already exists as a namespace in this kuberenetes setup", chars23},
		{`{"id": " trim "}`, both16, `201 "id":"trim"`, `201 "id":"trim"`},
		{`{"id": "nl\n"}`, crash16, `201 "id":"nl"`, `201 "id":"nl"`},
		{`{"id": "Upper"}`, chars16, chars22, chars23},
		{`{"id": "a_b"}`, chars16, chars22, chars23},
		{`{"id": "a.b"}`, both16, both22, both23},
		{`{"id": "a b"}`, both16, both22, both23},
		{`{"id": "a/b"}`, both16, both22, both23},
		{`{"id": "café"}`, both16, both22, both23},
		{`{"id": true}`, only16, slug, slug},
		{`{"id": ["a"]}`, both16, slug, slug},
		{`{"id": {"a": 1}}`, both16, slug, slug},
		{`{"id": ""}`, notBlank, notBlank, notBlank},
		{`{"id": "  "}`, both16, notBlank, notBlank},
		{`{"id": null}`, notNull, "201", "201"},
		{`{}`, "201", "201", "201"},
		{`{"id": "` + long(24) + `"}`, "201", "201", "201"},
		{`{"id": "` + long(25) + `"}`, "201", atMost(24), "201"},
		{`{"id": "` + long(63) + `"}`, "201", atMost(24), "201"},
		{`{"id": "` + long(64) + `"}`, "201", atMost(24), atMost(63)},
		{`{"id": "` + long(65) + `"}`, atMost(64), atMost(24), atMost(63)},
		{`{"id": "` + long(65) + `_"}`, chars16 + `","Ensure this field`, chars22 + `","Ensure this field`, chars23},
		{`{"id": "deis"}`, "400 deis is a reserved name.", "409 deis already exists as a namespace", "409 deis already"},
		{`{"id": "grafana"}`, "201", "400 grafana is a reserved name.", "400 grafana is a reserved name."},
		{`{"id": "kube-system"}`, "201", "409 kube-system already exists as a namespace", "409 kube-system already"},
		{`{"id": "example-go"}`, notUnique, taken, taken},
		{`{"id": " example-go "}`, both16, taken, taken},
		{`{"id": "c", "owner": "alice", "uuid": "x"}`, `201 "owner":"admin"`, `201 "owner":"admin"`, `201 "owner":"admin"`},
		{`[1]`, notObject + "list.", notObject + "list.", notObject + "list."},
		{`5`, notObject + "int.", notObject + "int.", notObject + "int."},
		{`1.5`, notObject + "float.", notObject + "float.", notObject + "float."},
		{`null`, notNull, notNull, "400 No data provided"},
		{`"x"`, notObject + "unicode.", notObject + "str.", notObject + "str."},
	})
}

const crash16 = "500 <h1>Server Error (500)</h1>"

func TestStructuresAreStoredUnchecked(t *testing.T) {
	validate(t, "POST /apps/", nil, []fieldInput{
		{`{"id": "s", "structure": {"web": 2}}`, `201 "structure":{"web":2}`, `201 "structure":{"web":2}`, `201 "structure":{"web":2}`},
		{`{"id": "s", "structure": {"web": -1}}`, `201 {"web":-1}`, `201 {"web":-1}`, `201 {"web":-1}`},
		{`{"id": "s", "structure": {"web": "x"}}`, `201 {"web":"x"}`, `201 {"web":"x"}`, `201 {"web":"x"}`},
		{`{"id": "s", "structure": [1]}`, `201 "structure":[1]`, `201 "structure":[1]`, `201 "structure":[1]`},
	})
}

func TestAppOwners(t *testing.T) {
	validate(t, "POST /apps/example-go/", []string{anApp}, []fieldInput{
		{`{"owner": "alice"}`, "405", "200", "200"},
		{`{"owner": "nobody"}`, "405", "404", "404"},
		{`{"owner": ""}`, "405", "200", "200"},
		{`{"owner": null}`, "405", "200", "200"},
		{`{}`, "405", "200", "200"},
		{`{"owner": 5}`, "405", "404", "404"},
	})
}
