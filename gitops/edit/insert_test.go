package edit

import "testing"

func TestInsertImage(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"no images yet": {
			"resources:\n- ../base\n",
			"resources:\n- ../base\nimages:\n  - name: nginx\n    newTag: \"1.20\"\n",
		},
		"behind the last, in its own indentation": {
			"images:\n- name: web\n  newTag: v1 # ours\n\nnamespace: shop\n",
			"images:\n- name: web\n  newTag: v1 # ours\n- name: nginx\n  newTag: \"1.20\"\n\nnamespace: shop\n",
		},
		"indented, windows, no final line break": {
			"images:\r\n  - name: web\r\n    newTag: v1",
			"images:\r\n  - name: web\r\n    newTag: v1\r\n  - name: nginx\r\n    newTag: \"1.20\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := InsertImage("kustomization.yaml", []byte(c.before), "nginx", "1.20")
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.after {
				t.Errorf("got\n%q\nwant\n%q", got, c.after)
			}
		})
	}
	for name, before := range map[string]string{
		"listed already": "images:\n- name: nginx\n  newTag: v1\n",
		"flow":           "images: [{name: web, newTag: v1}]\n",
		"two documents":  "a: b\n---\nc: d\n",
		"no mapping":     "- a\n",
		"broken":         "a: [\n",
		"empty list":     "images: []\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := InsertImage("kustomization.yaml", []byte(before), "nginx", "1.20"); err == nil {
				t.Errorf("no error, but %q", got)
			}
		})
	}
}

func FuzzInsertImage(f *testing.F) {
	f.Add("resources:\n- ../base\nimages:\n- name: a\n  newTag: b\n", "nginx", "1.20")
	f.Fuzz(func(t *testing.T, text, name, tag string) {
		got, err := InsertImage("k.yaml", []byte(text), name, tag)
		if err != nil {
			return
		}
		if len(got) <= len(text) {
			t.Fatalf("%q became shorter: %q", text, got)
		}
		// All of the old bytes are there, in order, around one insertion.
		i := 0
		for i < len(text) && text[i] == got[i] {
			i++
		}
		if tail := text[i:]; string(got[len(got)-len(tail):]) != tail {
			t.Fatalf("%q: other bytes changed: %q", text, got)
		}
	})
}
