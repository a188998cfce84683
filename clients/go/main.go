// Emotion names the emotion of a face: emotion PICTURE [ADDRESS]
package main

//go:generate sh generate.sh

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"naiad.example/emotion/inference"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: emotion PICTURE [ADDRESS]")
	}
	address := "localhost:8001"
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	picture, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	label, score, err := emotionOf(picture, address)
	if err != nil {
		log.Fatalf("%s: %s", status.Code(err), status.Convert(err).Message())
	}
	fmt.Printf("%s %.6f\n", label, score)
}

func emotionOf(picture []byte, address string) (label string, score float64, err error) {
	connection, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// The default of 4 MB is soon too small for answers that are tensors.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	if err != nil {
		return "", 0, err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	answer, err := inference.NewGRPCInferenceServiceClient(connection).ModelInfer(ctx, requestFor(picture))
	if err != nil {
		return "", 0, err
	}
	return bestOf(answer)
}

func requestFor(picture []byte) *inference.ModelInferRequest {
	// Asks for "value:index:label" strings instead of the seven probabilities.
	best := &inference.InferParameter{ParameterChoice: &inference.InferParameter_Int64Param{Int64Param: 1}}
	return &inference.ModelInferRequest{
		ModelName: "face_emotion",
		Inputs: []*inference.ModelInferRequest_InferInputTensor{{
			Name: "image", Datatype: "BYTES", Shape: []int64{1},
			Contents: &inference.InferTensorContents{BytesContents: [][]byte{picture}},
		}},
		Outputs: []*inference.ModelInferRequest_InferRequestedOutputTensor{{
			Name:       "probabilities",
			Parameters: map[string]*inference.InferParameter{"classification": best},
		}},
	}
}

// bestOf reads label and score; the element of BYTES follows its length in 4 bytes.
func bestOf(answer *inference.ModelInferResponse) (label string, score float64, err error) {
	raw := answer.GetRawOutputContents()[0]
	length := binary.LittleEndian.Uint32(raw)
	parts := strings.SplitN(string(raw[4:4+length]), ":", 3)
	score, err = strconv.ParseFloat(parts[0], 64)
	return parts[2], score, err
}
