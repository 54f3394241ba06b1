package doctor

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// network calls EC2 without the SDK's client, which has 31 MB of source and takes 82 s of CPU to build, as this is one
// call (docs/decisions/0097).
type network struct{ aws.Config }

// page is what CountInterfaces reads of an answer.
type page struct {
	Interfaces []struct{} `xml:"networkInterfaceSet>item"`
	Next       string     `xml:"nextToken"`
}

// CountInterfaces counts page by page: EC2 does not return a total.
func (n network) CountInterfaces(ctx context.Context) (count int, err error) {
	for next := ""; ; {
		question := url.Values{"Action": {"DescribeNetworkInterfaces"}, "Version": {"2016-11-15"}, "MaxResults": {"1000"},
			"IncludeManagedResources": {"true"}}
		if next != "" {
			question.Set("NextToken", next)
		}
		var p page
		if err := n.ask(ctx, question, &p); err != nil {
			return 0, err
		}
		count += len(p.Interfaces)
		if next = p.Next; next == "" {
			return count, nil
		}
	}
}

func (n network) ask(ctx context.Context, question url.Values, answer any) error {
	body := question.Encode()
	endpoint := cmp.Or(aws.ToString(n.BaseEndpoint), "https://ec2."+n.Region+".amazonaws.com")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	credentials, err := n.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("find AWS credentials: %w", err)
	}
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(hash[:]), "ec2", n.Region,
		time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	decoder := xml.NewDecoder(response.Body)
	if response.StatusCode == http.StatusOK {
		if err := decoder.Decode(answer); err != nil {
			return fmt.Errorf("read EC2's answer: %w", err)
		}
		return nil
	}
	var refusal struct {
		Code    string `xml:"Errors>Error>Code"`
		Message string `xml:"Errors>Error>Message"`
	}
	if err := decoder.Decode(&refusal); err != nil || refusal.Code == "" {
		return errors.New(response.Status)
	}
	return fmt.Errorf("%s: %s", refusal.Code, refusal.Message)
}
