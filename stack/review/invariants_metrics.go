package review

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// plainWords matches an anchored list of words, a pattern that matches nothing else.
var plainWords = regexp.MustCompile(`^\^\(?[A-Za-z0-9_-]+(\|[A-Za-z0-9_-]+)*\)?\$$`)

// declaration is an entry of the collector's list of metrics for CloudWatch.
type declaration struct {
	Dimensions    [][]string
	Names         []string `json:"metric_name_selectors"`
	LabelMatchers []struct {
		Labels []string `json:"label_names"`
		Regex  string
	} `json:"label_matchers"`
}

// declarations are those of the collector beside the API, none without its metrics. written reports that it writes
// metrics.
func (g Graph) declarations() (all []declaration, written bool) {
	for _, n := range g.Of("ecs.TaskDefinition") {
		var containers []struct {
			Environment []struct{ Name, Value string }
		}
		_ = json.Unmarshal([]byte(n.Text("containerDefinitions")), &containers) // what can't be read has none
		for _, c := range containers {
			for _, v := range c.Environment {
				var config struct {
					Exporters struct {
						EMF *struct {
							Declared []declaration `json:"metric_declarations"`
						} `json:"awsemf"`
					}
				}
				if v.Name == "AOT_CONFIG_CONTENT" && json.Unmarshal([]byte(v.Value), &config) == nil &&
					config.Exporters.EMF != nil {
					all, written = append(all, config.Exporters.EMF.Declared...), true
				}
			}
		}
	}
	return all, written
}

// openList finds metrics of the API whose number the program does not bound: each is charged.
func openList(g Graph) (broken []string) {
	all, written := g.declarations()
	if written && len(all) == 0 {
		broken = append(broken, "the collector makes a metric of everything that it reads")
	}
	for _, d := range all {
		if _, err := d.metrics(); err != nil {
			broken = append(broken, err.Error())
		}
	}
	return broken
}

// metrics is how many metrics CloudWatch makes of a declaration at most. An error says what is not bounded.
func (d declaration) metrics() (int, error) {
	names := 0
	for _, selector := range d.Names {
		if !plainWords.MatchString(selector) {
			return 0, fmt.Errorf("metrics %s are whichever match", selector)
		}
		names += 1 + strings.Count(selector, "|")
	}
	values := map[string]int{"ServiceName": 1} // of the stack's service alone
	for _, m := range d.LabelMatchers {
		if len(m.Labels) == 1 && plainWords.MatchString(m.Regex) {
			values[m.Labels[0]] = 1 + strings.Count(m.Regex, "|")
		}
	}
	total := 0
	for _, set := range d.Dimensions {
		product := names
		for _, label := range set {
			if values[label] == 0 {
				return 0, fmt.Errorf("metrics %s have as many values of %s as anybody sends", strings.Join(d.Names, ", "), label)
			}
			product *= values[label]
		}
		total += product
	}
	return total, nil
}

// writeMetrics prints how many metrics the API has in CloudWatch, and what they cost.
func writeMetrics(w io.Writer, g Graph) {
	all, written := g.declarations()
	total := 0
	for _, d := range all {
		n, err := d.metrics()
		if err != nil {
			return // openList reports it
		}
		total += n
	}
	if written {
		fmt.Fprintf(w, "\nmetrics of the API in CloudWatch: %d at most, %.2f USD a month\n", total,
			float64(total)*metricMonth)
	}
}
