package review

import (
	"fmt"
	"slices"
	"strings"
)

// imageLayers are in a bucket of ECR's, which signs the links to them by itself: no caller of ours is seen there.
const imageLayers = "-starport-layer-bucket/*"

// unbounded finds endpoints by which others' credentials, or our own, reach whatever they like.
func unbounded(g Graph) (broken []string) {
	for _, n := range g.Of("ec2.VpcEndpoint") {
		allowed := n.allowed()
		if len(allowed) == 0 {
			broken = append(broken, fmt.Sprintf("%s has no policy", n))
		}
		for _, s := range allowed {
			if s.Principal["Service"] != nil && !slices.Contains(s.Resource, "*") {
				continue // a service of AWS's, for what is named
			}
			layers := len(s.Resource) == 1 && strings.HasSuffix(s.Resource[0], imageLayers)
			if s.Condition["StringEquals"]["aws:PrincipalAccount"] == nil && !layers {
				broken = append(broken, fmt.Sprintf("%s lets callers of any account through", n))
			}
			named := slices.ContainsFunc(s.Action, func(action string) bool { return !slices.Contains(nowhere, action) })
			if slices.Contains(s.Resource, "*") && named {
				broken = append(broken, fmt.Sprintf("%s leads to everything", n))
			}
		}
	}
	return broken
}
