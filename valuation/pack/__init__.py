"""What a pack is (电池本体): chemistry, vintage, nameplate and the metals it holds, fixed when it was made."""
