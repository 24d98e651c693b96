//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/deisgo/deis/deistest"
)

// deployStep is the step of the GitHub Action that deploys, with its environment for some inputs.
func deployStep(t *testing.T, inputs map[string]string) (script string, env []string) {
	t.Helper()
	data, err := os.ReadFile("action.yml")
	require.NoError(t, err)
	var action struct {
		Inputs map[string]struct{ Required bool }
		Runs   struct {
			Steps []struct {
				Name string
				Run  string
				Env  map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &action))
	for name := range inputs {
		require.Contains(t, action.Inputs, name)
	}
	step := action.Runs.Steps[len(action.Runs.Steps)-1]
	require.Equal(t, "Deploy", step.Name)
	for name, expression := range step.Env {
		input := strings.TrimSuffix(strings.TrimPrefix(expression, "${{ inputs."), " }}")
		require.Contains(t, action.Inputs, input)
		env = append(env, name+"="+inputs[input])
	}
	return step.Run, env
}

// runAction runs the step as GitHub does, with the tool where the step before has built it.
func runAction(t *testing.T, inputs map[string]string) end {
	t.Helper()
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	script, env := deployStep(t, inputs)
	folder := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(folder, "deis-deploy")))
	p := program(t, append(env, "RUNNER_TEMP="+folder))
	p.Path, p.Args = bash, []string{"bash", "--noprofile", "--norc", "-e", "-o", "pipefail", file(t, script)}
	var out, errOut strings.Builder
	p.Stdout, p.Stderr = &out, &errOut
	status := exitStatus(t, p.Run())
	return end{status, out.String(), errOut.String()}
}

func TestTheActionDeploysWhatItsInputsSay(t *testing.T) {
	t.Parallel()
	server := deistest.Start(t)
	inputs := map[string]string{
		"app": "example-go", "image": "deis/example-go:v1", "controller": server.URL, "token": server.Token,
		"args": "-create\n-set=GREETING=good morning\n\n-scale\nweb=2\n-procfile=" + file(t, "web: example-go") + "\n",
	}
	end := runAction(t, inputs)
	require.Equal(t, deployed, end.status, end.errOut)
	image, up := running(t, server)
	assert.Equal(t, "deis/example-go:v1", image)
	assert.Equal(t, map[string]int{"web": 2}, up)
	config, err := clientOf(t, server).Config.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"GREETING": "good morning"}, config.Values)

	delete(inputs, "image")
	delete(inputs, "args")
	end = runAction(t, inputs)
	assert.Equal(t, deployed, end.status, end.errOut)
	assert.Contains(t, end.out, "nothing to do")

	inputs["args"] = "-rollback\n-image=deis/example-go:k8s-fail"
	assert.Equal(t, rolledBack, runAction(t, inputs).status, "the status reaches the job")
}
